import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "workflow")]

from service import KEY, Service  # noqa: E402 - beside this file, which pytest does not look for


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def service():
    """A service that never fails."""
    with Service() as started:
        yield started
