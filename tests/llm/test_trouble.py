"""A journal that is damaged, of another kind or cannot be written is one line; nothing is lost."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from helpers.generated_worlds import generation, made
from helpers.journals import ANSWER, put
from helpers.service import Service

from lethe.common.errors import LetheError
from lethe.llm.journal import Journal, Request, Usage, key_of
from lethe.llm.rescue import rescue

_DAMAGED = r"damaged \(|not a journal of answers \("
OLD = """
CREATE TABLE answers (
  key TEXT PRIMARY KEY, stage TEXT NOT NULL, request TEXT NOT NULL, content TEXT NOT NULL,
  finish TEXT NOT NULL, model TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL) STRICT;
CREATE TABLE failures (
  stage TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  PRIMARY KEY (stage, kind)) STRICT;
CREATE TABLE traits (service TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


@pytest.fixture
def path(tmp_path) -> Path:
    """A journal of two hundred answers, closed."""
    with Journal(tmp_path / "j.sqlite") as journal:
        put(journal, *({"a": number, "long": "x" * 200} for number in range(200)))
    return tmp_path / "j.sqlite"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as base:
        for statement in statements:
            base.execute(statement)
        base.commit()


def old(path: Path) -> None:
    """A journal as older versions made it, with one answer."""
    request = Request.of("pairs", {"a": 1})
    with closing(sqlite3.connect(path)) as base:
        base.executescript(OLD)
        row = (request.key, "pairs", request.text, "yes", "stop", "m", 3, 4)
        base.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        base.commit()


def read_whole(path: Path, read_only: bool = False) -> None:
    with Journal(path, read_only) as journal:
        journal.usage()
        for number in range(200):
            journal.find(key_of({"a": number, "long": "x" * 200}))


def told(path: Path, read_only: bool = False) -> str:
    """The one line with which a journal is refused, at once or when it is used."""
    with pytest.raises(LetheError) as caught:
        read_whole(path, read_only)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}")
    return line


# --- digests ------------------------------------------------------------------------------------

KEY_7 = key_of({"a": 7, "long": "x" * 200})


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE answers SET content = 'no' WHERE key = ?",
        "UPDATE answers SET finish = 'length' WHERE key = ?",
        "UPDATE answers SET completion_tokens = 5 WHERE key = ?",
        "UPDATE answers SET content = CAST(X'79ff' AS TEXT) WHERE key = ?",
        "UPDATE digests SET sha256 = 'x' WHERE key = ?",
        "UPDATE digests SET sha256 = CAST(X'ff' AS TEXT) WHERE key = ?",
    ],
)
def test_an_answer_that_is_not_what_was_kept(damage, path, caplog):
    """It is asked for again with a warning; what it took still counts, the rest is as it was."""
    change(path, damage.replace("?", f"'{KEY_7}'"))
    with Journal(path, read_only=True) as journal:
        assert journal.find(KEY_7) is None
        before = journal.usage()
    with Journal(path) as journal:
        assert journal.find(KEY_7) is None
        assert journal.usage() == before
        assert journal.failures() == {"damaged answer": 1}
        put(journal, {"a": 7, "long": "x" * 200})
        assert journal.find(KEY_7) == ANSWER
        assert journal.find(key_of({"a": 8, "long": "x" * 200})) == ANSWER
    assert "is not what was kept" in caplog.text
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("SELECT why, key FROM discarded").fetchall() == [
            ("damaged answer", KEY_7)
        ]


def test_flipped_bytes_in_the_file_are_asked_for_again(tmp_path):
    """The world is the same as if nothing had been."""
    with Service() as service:
        settings = generation(service.url, service={"timeout": 60.0})
        whole = made(tmp_path, settings, 2, 0).read_bytes()
        service.forget()
        file = tmp_path / "journal.sqlite"
        content = bytearray(file.read_bytes())
        places = [match.start() for match in re.finditer(b"Critics were kind", bytes(content))]
        for place in places[:1]:
            content[place] ^= 1
        file.write_bytes(content)
        assert made(tmp_path, settings, 2, 0).read_bytes() == whole
        assert sum(service.asked.values()) == 1


def test_a_journal_of_an_older_version_keeps_working(tmp_path):
    """Read and written, by this version and again by the older one."""
    old(tmp_path / "j.sqlite")
    with Journal(tmp_path / "j.sqlite", read_only=True) as journal:
        assert journal.find(key_of({"a": 1})) == ANSWER
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.find(key_of({"a": 1})) == ANSWER
        put(journal, {"a": 2})
    with closing(sqlite3.connect(tmp_path / "j.sqlite")) as base:
        row = ("k", "pairs", "{}", "yes", "stop", "m", 3, 4)
        base.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        base.commit()
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.find(key_of({"a": 2})) == journal.find("k") == ANSWER
        assert journal.usage() == Usage(3, 9, 12)


def test_figures_of_an_older_version_that_are_none(tmp_path):
    """Below zero they would give the budget back, and too large ones cannot be added up."""
    old(tmp_path / "j.sqlite")
    change(
        tmp_path / "j.sqlite",
        f"UPDATE answers SET prompt_tokens = {-(10**18)}, completion_tokens = {2**63 - 1}",
        f"INSERT INTO failures VALUES ('pairs', 'time-out', 1, -5, {2**63 - 1})",
        "UPDATE answers SET model = 'm' || char(27) || '[2J'",
    )
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.usage() == Usage(2, 0, 2 * 10**12)
        assert journal.answered("pairs") == Usage(1, 0, 10**12)
        assert journal.models() == {"m\\x1b[2J": 1}


# --- files ----------------------------------------------------------------------------------------


def zeroed(path: Path, page: int) -> None:
    with open(path, "r+b") as file:
        file.seek(4096 * page)
        file.write(bytes(4096))


def test_a_zeroed_page(path):
    """Whichever it is, one line says so, or the answers on it are found to be damaged."""
    pages = path.stat().st_size // 4096
    whole = path.read_bytes()
    lines = set()
    for page in range(pages):
        path.write_bytes(whole)
        zeroed(path, page)
        try:
            read_whole(path)
        except LetheError as error:
            lines.add(str(error))
    assert lines
    assert not [line for line in lines if not re.search(_DAMAGED, line)]


def test_what_is_whole_in_a_damaged_journal_is_saved(path):
    """All but a page's answers, whichever page of the answers it is; the old file stays."""
    whole = path.read_bytes()
    pages = [n for n in range(1, len(whole) // 4096) if whole[4096 * n] == 0x0D]
    assert len(pages) > 10
    for page in pages[:: len(pages) // 4]:
        path.write_bytes(whole)
        zeroed(path, page)
        saved = rescue(path)
        assert 180 < saved["answers"] <= 200
        assert Path(f"{path}.damaged").stat().st_size == len(whole)
        with Journal(path) as journal:
            keys = [key_of({"a": number, "long": "x" * 200}) for number in range(200)]
            found = [answer for key in keys if (answer := journal.find(key))]
            assert found == [ANSWER] * saved["answers"]
        for file in path.parent.glob("j.sqlite?*"):
            file.unlink()


def test_what_cannot_be_saved(path, tmp_path):
    with pytest.raises(LetheError, match="no such file"):
        rescue(tmp_path / "none.sqlite")
    with Journal(path), pytest.raises(LetheError, match="another run is writing it"):
        rescue(path)
    before = path.read_bytes()
    Path(f"{path}.damaged").touch()
    with pytest.raises(LetheError, match="it exists already"):
        rescue(path)
    Path(f"{path}.damaged").unlink()
    os.truncate(path, 50)
    with pytest.raises(LetheError, match="no answer in it can be read; move it away"):
        rescue(path)
    assert path.read_bytes() == before[:50]
    assert not list(tmp_path.glob("*.rescued*"))


def test_saving_from_the_command_line(path):
    zeroed(path, path.stat().st_size // 4096 // 2)
    command = [sys.executable, "-m", "lethe.llm.rescue", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.search(r"j\.sqlite: \d+ answers saved", done.stdout), done.stderr
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1


@pytest.mark.parametrize("size", [50, 4096, 5000, 20_000])
def test_a_truncated_file(size, path):
    os.truncate(path, size)
    assert re.search(_DAMAGED, told(path))
    assert re.search(_DAMAGED, told(path, read_only=True))


def test_a_database_of_another_program(tmp_path):
    """Nothing is written into it."""
    for number, table in enumerate(("answers (id, text)", "failures (id)", "notes (id, text)")):
        path = tmp_path / f"{number}.sqlite"
        change(path, f"CREATE TABLE {table}")
        before = path.read_bytes()
        assert "not a journal of answers" in told(path)
        assert path.read_bytes() == before


def test_what_cannot_be_written(path, tmp_path, monkeypatch):
    """A folder in the file's place, a file in the folder's, and one that is read-only."""
    (tmp_path / "folder").mkdir()
    assert "cannot be written" in told(tmp_path / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(LetheError, match="cannot be written"):
        Journal(tmp_path / "file" / "j.sqlite")
    (tmp_path / "k.sqlite.flights").mkdir()
    with pytest.raises(LetheError, match=r"k\.sqlite\.flights: cannot be written"):
        Journal(tmp_path / "k.sqlite")
    with Journal(path) as journal:
        journal._base.execute("PRAGMA query_only = 1")
        with pytest.raises(LetheError, match="cannot be written"):
            put(journal, {"b": 1})


def test_a_full_disk(path):
    """One line; what was kept before is kept, and the journal goes on when there is room."""
    with Journal(path) as journal:
        pages = journal._base.execute("PRAGMA page_count").fetchone()[0]
        journal._base.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LetheError, match="disk is full"):
            put(journal, *({"b": n, "long": "x" * 5000} for n in range(20)))
        journal._base.execute("PRAGMA max_page_count = 1000000")
        put(journal, {"c": 1})
    with Journal(path) as journal:
        assert journal.find(KEY_7) == journal.find(key_of({"c": 1})) == ANSWER


START = b'["+", 1, 1, "k", "s", 1, 2]'
FLIGHTS = [
    *(b"\xff\xfe\x00", b"[]", b"5", b"{}", b"[" * 9999, b'["+"]', b'["+", 1]', b'[["+"], 1]'),
    *(b'["-"]', b'["-", [1]]', b'["-", 1, 2]', b'["=", 0, "now", "", "", 1, 2]'),
    START.replace(b"2", b'"2"'),
    START.replace(b"2", b"-2"),
    START.replace(b"2", b"9" * 5000),
    START.replace(b"1, 1", b"1, 1e999"),
    START.replace(b"k", b"\\ud83d"),
]


@pytest.mark.parametrize("line", FLIGHTS, ids=lambda line: repr(line[:20]))
def test_a_file_of_flights_with_nonsense_in_it(line, path):
    """The lines around it count; it does not."""
    good = b'["+", 1, 1.5, "key", "pairs", 10, 20]'
    Path(f"{path}.flights").write_bytes(good + b"\n" + line + b"\n")
    with Journal(path) as journal:
        assert journal.failures() == {"killed": 1}
        assert journal.usage() == Usage(201, 610, 820)


def test_traits_that_are_none_of_ours(tmp_path):
    with Service() as service:
        made(tmp_path, generation(service.url), 1, 0)
        for value in ("{}", "no", '{"mode": "x", "limit": "y"}', "[" * 9999, '["mode"]'):
            change(tmp_path / "journal.sqlite", f"UPDATE traits SET value = '{value}'")
            made(tmp_path, generation(service.url), 1, 0)
