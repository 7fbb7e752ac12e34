"""The journal: every answer that a service gave, kept at once and for good.

One SQLite file in write-ahead mode. An answer is used only after it was committed to the disk, so a
run that is killed at any moment loses at most the answers that had not arrived. Answers are found
by the content of the request; the service's address is not part of it, since servers move.
"""

import asyncio
import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.errors import LetheError

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, stage TEXT NOT NULL, request TEXT NOT NULL, content TEXT NOT NULL,
  finish TEXT NOT NULL, model TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS flights (
  id INTEGER PRIMARY KEY, stage TEXT NOT NULL,
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


def key_of(body: dict[str, Any]) -> str:
    """The name of a request: a digest of everything in it."""
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


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
        self._lock = None
        if not read_only:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path)
        self._reader = self._connect(read_only)
        if read_only:
            return
        self._writer = self._connect()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: list[tuple[list[tuple[str, tuple]], asyncio.Future | None]] = []
        self._flushing: asyncio.Task | None = None
        self._flights = 0
        self._give_up_flights()

    def _connect(self, read_only: bool = False) -> sqlite3.Connection:
        place = ":memory:" if read_only and not self.path.exists() else str(self.path)
        try:
            base = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=30)
            if not read_only:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("PRAGMA synchronous = FULL")
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
        self._reader.close()
        if self._lock is not None:
            self._thread.shutdown()
            self._writer.close()
            self._lock.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: str) -> Answer | None:
        """The answer to a request asked before."""
        row = self._reader.execute(
            "SELECT content, finish, model, prompt_tokens, completion_tokens FROM answers"
            " WHERE key = ?",
            (key,),
        ).fetchone()
        return Answer(*row) if row else None

    def trait(self, service: str) -> dict | None:
        """What was found out about a service by probing it."""
        row = self._reader.execute(
            "SELECT value FROM traits WHERE service = ?", (service,)
        ).fetchone()
        return json.loads(row[0]) if row else None

    async def keep_trait(self, service: str, value: dict) -> None:
        await self._write(
            ("INSERT OR REPLACE INTO traits VALUES (?, ?)", (service, _canonical(value)))
        )

    def takes_off(self, stage: str, prompt_tokens: int, completion_tokens: int) -> int:
        """Note that a request is on its way, at most so large; the number of its flight.

        Not awaited: it tells the next run what a killed one may have been billed for.
        """
        self._flights += 1
        values = (self._flights, stage, prompt_tokens, completion_tokens)
        self._enqueue([("INSERT INTO flights VALUES (?, ?, ?, ?)", values)], None)
        return self._flights

    async def keep(self, flight: int, stage: str, body: dict, answer: Answer) -> None:
        """Return when the answer is safely on the disk."""
        values = (
            key_of(body), stage, _canonical(body), answer.content, answer.finish, answer.model,
            answer.prompt_tokens, answer.completion_tokens,
        )  # fmt: skip
        await self._write(
            ("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values),
            ("DELETE FROM flights WHERE id = ?", (flight,)),
        )

    async def failed(
        self, flight: int, stage: str, kind: str, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Note a request without answer, with the tokens that it may have been billed for."""
        await self._write(
            (_FAILED, (stage, kind, 1, prompt_tokens, completion_tokens)),
            ("DELETE FROM flights WHERE id = ?", (flight,)),
        )

    def usage(self, stages: Iterable[str] | None = None) -> Usage:
        """The sum over answers and failures, of some stages or of all."""
        where, values = _where(stages)
        total = [0, 0, 0]
        for table, count in (("answers", "count(*)"), ("failures", "sum(count)")):
            row = self._reader.execute(
                f"SELECT {count}, sum(prompt_tokens), sum(completion_tokens) FROM {table}{where}",
                values,
            ).fetchone()
            total = [sum_ + (value or 0) for sum_, value in zip(total, row, strict=True)]
        return Usage(*total)

    def answered(self, stage: str) -> Usage:
        """The answers of one stage alone, whose mean is what the next one will take."""
        row = self._reader.execute(
            "SELECT count(*), sum(prompt_tokens), sum(completion_tokens) FROM answers"
            " WHERE stage = ?",
            (stage,),
        ).fetchone()
        return Usage(*(value or 0 for value in row))

    def failures(self, stages: Iterable[str] | None = None) -> dict[str, int]:
        """How often each kind of failure was met."""
        where, values = _where(stages)
        rows = self._reader.execute(
            f"SELECT kind, sum(count) FROM failures{where} GROUP BY kind ORDER BY kind", values
        )
        return dict(rows.fetchall())

    def models(self, stages: Iterable[str] | None = None) -> dict[str, int]:
        """How many answers each model gave, by the name that the service said."""
        where, values = _where(stages)
        rows = self._reader.execute(
            f"SELECT model, count(*) FROM answers{where} GROUP BY model ORDER BY model", values
        )
        return dict(rows.fetchall())

    def _give_up_flights(self) -> None:
        """Requests of a run that was killed: they count as sent, for they may be billed."""
        base = self._writer
        base.execute("BEGIN IMMEDIATE")
        lost = base.execute(
            "SELECT stage, 'killed', count(*), sum(prompt_tokens), sum(completion_tokens)"
            " FROM flights GROUP BY stage"
        ).fetchall()
        base.executemany(_FAILED, lost)
        base.execute("DELETE FROM flights")
        base.execute("COMMIT")

    async def _write(self, *statements: tuple[str, tuple]) -> None:
        done = asyncio.get_running_loop().create_future()
        self._enqueue(list(statements), done)
        await done

    def _enqueue(self, statements: list[tuple[str, tuple]], done: asyncio.Future | None) -> None:
        self._waiting.append((statements, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        """Commit all that is waiting at once: one write to the disk serves many answers."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error = await loop.run_in_executor(self._thread, self._commit, batch)
            for _, done in batch:
                if done is None or done.done():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(LetheError(f"{self.path}: cannot be written ({error})"))

    def _commit(self, batch: list) -> Exception | None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for statements, _ in batch:
                for statement, values in statements:
                    self._writer.execute(statement, values)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            return error
        return None


def _where(stages: Iterable[str] | None) -> tuple[str, tuple]:
    if stages is None:
        return "", ()
    stages = tuple(stages)
    return f" WHERE stage IN ({', '.join('?' * len(stages))})", stages


def _locked(path: Path):
    """Hold the journal: two runs at once would ask, and pay, for the same things."""
    handle = open(f"{path}.lock", "w")  # noqa: SIM115 - held until the journal is closed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise LetheError(f"{path}: another run is writing it; wait for that one to end") from None
    return handle
