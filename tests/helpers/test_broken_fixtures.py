"""What pytest says where many tests need what could not be made."""

import sys
from pathlib import Path

from helpers import patience

TESTS = Path(__file__).parents[1]
FILE = """
import pytest

@pytest.fixture(scope="session")
def home():
    raise ValueError("no home")

@pytest.fixture(scope="module")
def clone(home):
    return 1

@pytest.fixture(scope="module", params=[1, 2])
def one_of_two(request):
    assert request.param == 2
    return 2

@pytest.fixture
def own():
    raise ValueError("none")

def test_a(home): pass
def test_b(clone): pass
def test_c(home): pass
def test_d(one_of_two): pass
def test_e(one_of_two): pass
def test_f(): pass
def test_g(own): pass
def test_h(own): pass
"""


def test_a_broken_fixture_fails_once_and_fails_the_run(tmp_path):
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(FILE)
    done = patience.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TESTS), "PATH": ""},
    )
    assert done.returncode == 1
    # home once, one of its two values once, own with each test, as a fixture of a test is.
    assert "3 passed, 3 skipped, 4 errors" in done.stdout
    assert "fixture home failed before, so that the run fails: no home" in done.stdout
