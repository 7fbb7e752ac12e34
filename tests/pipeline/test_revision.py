"""The date and the commit of the code, from a checkout made here."""

import re
import subprocess
from hashlib import sha256

import pytest

import lethe
from lethe.pipeline.revision import library_digest, revision


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/code.py").write_text("A = 1\n")
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_checkout_names_its_commit(checkout):
    made = revision(checkout)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True
    )
    assert made["commit"] == head.stdout.strip()
    assert made["changed"] is False
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", made["date"])
    assert made["version"] == lethe.__version__


def test_a_change_of_the_code_is_said_and_another_is_not(checkout):
    (checkout / "notes.md").write_text("none of the code\n")
    assert revision(checkout)["changed"] is False
    (checkout / "src/code.py").write_text("A = 2\n")
    assert revision(checkout)["changed"] is True


def test_without_a_checkout_there_is_no_commit(checkout, monkeypatch):
    below = checkout / "src"
    assert revision(below)["commit"] is None
    monkeypatch.setenv("PATH", "")
    made = revision(checkout)
    assert (made["commit"], made["changed"]) == (None, None)


def test_the_librarys_digest_follows_its_files_and_their_names_alone(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room/a.py").write_text("A = 1\n")
    before = library_digest(tmp_path)
    listed = f"room/a.py\0{sha256(b'A = 1' + bytes([10])).hexdigest()}\n"
    assert before == sha256(listed.encode()).hexdigest()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.pyc").write_bytes(b"compiled")
    assert library_digest(tmp_path) == before
    (tmp_path / "room/a.py").rename(tmp_path / "room/b.py")
    assert library_digest(tmp_path) != before
