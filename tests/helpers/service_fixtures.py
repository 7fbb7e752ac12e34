"""Fixtures of the tests that ask a language model: each folder's conftest imports them."""

import pytest

from helpers.deadlines import Deadlines
from helpers.service import KEY, Service


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def service():
    """A service that never fails."""
    with Service() as started:
        yield started


@pytest.fixture
def overdue(monkeypatch):
    """For a service whose slow answers need not be waited for."""
    deadlines = Deadlines()
    deadlines.watch(monkeypatch)
    return deadlines.end
