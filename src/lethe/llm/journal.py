"""The journal: every answer that a service gave, kept at once and for good.

One SQLite file in write-ahead mode. An answer is used only after it was committed: it then outlives
the process, so a run that is killed at any moment loses at most those that had not arrived. To
outlive the machine too it must reach the disk, which happens every second. Answers are found by the
content of the request; the service's address is not part of it, since servers move.
"""

import fcntl
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from lethe.errors import LetheError

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, stage TEXT NOT NULL, request TEXT NOT NULL, content TEXT NOT NULL,
  finish TEXT NOT NULL, model TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS failures (
  stage TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  PRIMARY KEY (stage, kind)) STRICT;
CREATE TABLE IF NOT EXISTS traits (
  service TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_FAILED = """
INSERT INTO failures VALUES (?, ?, ?, ?, ?) ON CONFLICT (stage, kind) DO UPDATE SET
  count = count + excluded.count, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens
"""


_FLUSH_EVERY = 1.0
# Services limit what is sent in so many seconds.
_MINUTE = 60.0


def key_of(body: dict[str, Any]) -> str:
    """The name of a request: a digest of everything in it."""
    return Request.of("", body).key


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Request:
    """What is asked: the ``body`` sent, its canonical ``text`` and the ``key`` that names it.

    ``stage`` is what it is asked for: under that name the journal counts it.
    """

    stage: str
    body: dict[str, Any]
    text: str
    key: str

    @classmethod
    def of(cls, stage: str, body: dict[str, Any]) -> "Request":
        text = _canonical(body)
        return cls(stage, body, text, hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True)
class Answer:
    """What a service said: its text, why it ended, which model it says it was, tokens counted."""

    content: str
    finish: str
    model: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Usage:
    """Requests sent and tokens, those of failed requests that may have been billed included."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Journal:
    """The answers of one world. One run writes at a time; ``read_only`` ones may look on."""

    def __init__(self, path: str | Path, read_only: bool = False):
        self.path = Path(path)
        self._flights: Flights | None = None
        if not read_only:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._flights = Flights(self.path)
        self._base = self._connect(read_only)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._flushed = time.monotonic()
        self._sent: list[tuple[float, int, int]] = []
        if self._flights is not None:
            self._sent = self._flights.lately(_MINUTE)
            self._count_lost(self._flights.lost())

    def _connect(self, read_only: bool = False) -> sqlite3.Connection:
        place = ":memory:" if read_only and not self.path.exists() else str(self.path)
        try:
            base = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=30)
            if not read_only:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("PRAGMA synchronous = NORMAL")
            if not read_only or place == ":memory:":
                base.executescript(_TABLES)
            else:
                base.execute("SELECT count(*) FROM failures")
        except sqlite3.DatabaseError as error:
            raise LetheError(
                f"{self.path}: not a journal of answers ({error}); move it away"
            ) from None
        return base

    def close(self) -> None:
        self._thread.shutdown()
        self._base.close()
        if self._flights is not None:
            self._flights.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: str) -> Answer | None:
        """The answer to a request asked before."""
        row = self._base.execute(
            "SELECT content, finish, model, prompt_tokens, completion_tokens FROM answers"
            " WHERE key = ?",
            (key,),
        ).fetchone()
        return Answer(*row) if row else None

    def trait(self, service: str) -> dict | None:
        """What was found out about a service by probing it."""
        row = self._base.execute(
            "SELECT value FROM traits WHERE service = ?", (service,)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def keep_trait(self, service: str, value: dict) -> None:
        self._write("INSERT OR REPLACE INTO traits VALUES (?, ?)", (service, _canonical(value)))

    def takes_off(self, request: Request, prompt_tokens: int, completion_tokens: int) -> int:
        """Note that a request is on its way, at most so large; the number of its flight.

        From this the next run learns what a killed one may have been billed for.
        """
        return self._flights.start(request.key, request.stage, prompt_tokens, completion_tokens)

    def sent_lately(self) -> list[tuple[float, int, int]]:
        """Requests of earlier runs in the last minute: seconds since, bounds of their tokens."""
        return self._sent

    def keep(self, flight: int, request: Request, answer: Answer) -> None:
        """When this returns, the answer outlives the process."""
        values = (request.key, request.stage, request.text, *astuple(answer))
        self._write("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._flights.end(flight)

    def failed(
        self, flight: int, stage: str, kind: str, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Note a request without answer, with the tokens that it may have been billed for."""
        self._write(_FAILED, (stage, kind, 1, prompt_tokens, completion_tokens))
        self._flights.end(flight)

    def usage(self, stages: Iterable[str] | None = None) -> Usage:
        """The sum over answers and failures, of some stages or of all."""
        where, values = _where(stages)
        total = [0, 0, 0]
        for table, count in (("answers", "count(*)"), ("failures", "sum(count)")):
            row = self._base.execute(
                f"SELECT {count}, sum(prompt_tokens), sum(completion_tokens) FROM {table}{where}",
                values,
            ).fetchone()
            total = [sum_ + (value or 0) for sum_, value in zip(total, row, strict=True)]
        return Usage(*total)

    def answered(self, stage: str) -> Usage:
        """The answers of one stage alone, whose mean is what the next one will take."""
        row = self._base.execute(
            "SELECT count(*), sum(prompt_tokens), sum(completion_tokens) FROM answers"
            " WHERE stage = ?",
            (stage,),
        ).fetchone()
        return Usage(*(value or 0 for value in row))

    def failures(self, stages: Iterable[str] | None = None) -> dict[str, int]:
        """How often each kind of failure was met."""
        where, values = _where(stages)
        rows = self._base.execute(
            f"SELECT kind, sum(count) FROM failures{where} GROUP BY kind ORDER BY kind", values
        )
        return dict(rows.fetchall())

    def models(self, stages: Iterable[str] | None = None) -> dict[str, int]:
        """How many answers each model gave, by the name that the service said."""
        where, values = _where(stages)
        rows = self._base.execute(
            f"SELECT model, count(*) FROM answers{where} GROUP BY model ORDER BY model", values
        )
        return dict(rows.fetchall())

    def _count_lost(self, lost: list[tuple[str, str, int, int]]) -> None:
        """Requests under way when a run was killed: they count as sent, for they may be billed."""
        rows = [
            (stage, "killed", 1, prompt, completion)
            for key, stage, prompt, completion in lost
            if self.find(key) is None
        ]
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany(_FAILED, rows)
        self._base.execute("COMMIT")
        self._flights.clear(_MINUTE)

    def _write(self, statement: str, values: tuple) -> None:
        try:
            self._base.execute(statement, values)
        except sqlite3.Error as error:
            raise LetheError(f"{self.path}: cannot be written ({error})") from None
        now = time.monotonic()
        if now - self._flushed > _FLUSH_EVERY:
            self._flushed = now
            # Beside the requests: it waits for the disk.
            self._thread.submit(self._flush)

    def _flush(self) -> None:
        """Bring what is committed to the disk, through a connection of its own."""
        base = sqlite3.connect(self.path, timeout=30)
        base.execute("PRAGMA wal_checkpoint(PASSIVE)")
        base.close()


def _where(stages: Iterable[str] | None) -> tuple[str, tuple]:
    if stages is None:
        return "", ()
    stages = tuple(stages)
    return f" WHERE stage IN ({', '.join('?' * len(stages))})", stages


class Flights:
    """Requests under way, in a small file beside the journal: lines ``+`` (start) and ``-`` (end).

    What is written there survives the death of the process, and need not survive the machine's: so
    it is not waited for until it is on the disk. The file is also the lock of the journal, for two
    runs at once would ask, and pay, for the same things. Starts of the last minute stay in it when
    a new run begins, as lines ``=``, since services count them still.
    """

    def __init__(self, journal: Path):
        self._handle = os.open(f"{journal}.flights", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise LetheError(
                f"{journal}: another run is writing it; wait for that one to end"
            ) from None
        self._number = 0

    def lost(self) -> list[tuple[str, str, int, int]]:
        """Key, stage and bounds of the requests that the last run left under way."""
        under_way: dict[int, tuple[str, str, int, int]] = {}
        for sign, *rest in self._lines():
            if sign == "+":
                number, _, *entry = rest
                under_way[number] = tuple(entry)
            elif sign == "-":
                under_way.pop(rest[0], None)
        return list(under_way.values())

    def lately(self, seconds: float) -> list[tuple[float, int, int]]:
        """Requests started in the last ``seconds``: seconds since then, bounds of their tokens."""
        now = time.time()
        starts = [rest for sign, *rest in self._lines() if sign != "-"]
        return [(now - at, *each) for _, at, _, _, *each in starts if 0 <= now - at < seconds]

    def clear(self, seconds: float) -> None:
        """Forget all but what was started in the last ``seconds``."""
        kept, now = self.lately(seconds), time.time()
        os.ftruncate(self._handle, 0)
        for age, *each in kept:
            self._note("=", 0, now - age, "", "", *each)

    def start(self, *entry: str | int) -> int:
        self._number += 1
        self._note("+", self._number, time.time(), *entry)
        return self._number

    def end(self, number: int) -> None:
        self._note("-", number)

    def _lines(self) -> Iterator[list]:
        size = os.fstat(self._handle).st_size
        for line in os.pread(self._handle, size, 0).decode().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut off with the process

    def _note(self, *entry: str | float) -> None:
        os.write(self._handle, (json.dumps(entry) + "\n").encode())

    def close(self) -> None:
        os.close(self._handle)
