import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from service import KEY, Service


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def service():
    """A service that never fails."""
    with Service() as started:
        yield started
