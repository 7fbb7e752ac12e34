"""Fixtures of the tests that ask a language model: each folder's conftest imports them."""

import pytest

from helpers.service import KEY, Service


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def service():
    """A service that never fails."""
    with Service() as started:
        yield started
