"""The journal: every answer that a service gave, stored at once and permanently.

One SQLite file in write-ahead mode. An answer is used only after it was committed. It then survives
the process, so a run that is killed loses at most the answers that had not arrived. To survive a
crash of the machine it must be flushed to disk, which happens every second. Answers are looked up
by the content of the request, without the service's address, since servers move.
"""

import hashlib
import json
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from lethe.common.characters import shown
from lethe.llm.flights import Flights
from lethe.llm.trouble import trouble

logger = logging.getLogger(__name__)

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
CREATE TABLE IF NOT EXISTS digests (
  key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS discarded (
  why TEXT NOT NULL, key TEXT NOT NULL, stage TEXT NOT NULL, request TEXT NOT NULL,
  content TEXT NOT NULL, finish TEXT NOT NULL, model TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL) STRICT;
"""
_COLUMNS = "key, stage, request, content, finish, model, prompt_tokens, completion_tokens"
# The most characters of a model's name; older versions stored whatever a service said.
_LONGEST_NAME = 200
_TEXTS = ("stage", "request", "content", "finish", "model")
COLUMNS_OF = {
    "answers": _COLUMNS,
    "failures": "stage, kind, count, prompt_tokens, completion_tokens",
    "traits": "service, value",
    "digests": "key, sha256",
    "discarded": f"why, {_COLUMNS}",
}
# In older journals, services reported negative counts and counts too large for SQLite to add.
_PROMPT = "max(0, min(prompt_tokens, 1000000000000))"
_COMPLETION = "max(0, min(completion_tokens, 1000000000000))"
_ADDED = """
ON CONFLICT (stage, kind) DO UPDATE SET
  count = count + excluded.count, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens
"""
_FAILED = f"INSERT INTO failures VALUES (?, ?, ?, ?, ?) {_ADDED}"

_FLUSH_EVERY = 1.0
# Services limit what is sent in this many seconds.
_MINUTE = 60.0


def key_of(body: dict[str, Any]) -> str:
    """The name of a request: a digest of everything in it."""
    return Request.of("", body).key


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Request:
    """A request: the ``body`` sent, its canonical ``text``, and the ``key`` that identifies it.

    ``stage`` is the name under which the journal counts it.
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
    """A service's answer: text, finish reason, model as the service names it, and token counts."""

    content: str
    finish: str
    model: str
    prompt_tokens: int
    completion_tokens: int


def digest_of(stage: str, request: str, answer: Answer) -> str:
    """A digest of everything stored with an answer, checked when it is read."""
    return hashlib.sha256(_canonical([stage, request, *astuple(answer)]).encode()).hexdigest()


@dataclass(frozen=True)
class Usage:
    """Requests and tokens, including failed requests that may have been billed."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Journal:
    """The answers of one world. Only one run may write; ``read_only`` journals may read along."""

    def __init__(self, path: str | Path, read_only: bool = False):
        self.path = Path(path)
        self._flights: Flights | None = None
        if not read_only:
            with self._guarded():
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._flights = Flights(self.path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._flushed = time.monotonic()
        self._sent: list[tuple[float, int, int]] = []
        self._base: sqlite3.Connection | None = None
        try:
            self._base = self._connect(read_only)
            if self._flights is not None:
                self._sent = self._flights.lately(_MINUTE)
                self._count_lost(self._flights.lost())
        except BaseException:
            # Leave nothing open or locked if the journal cannot be used.
            self.close()
            raise

    def _connect(self, read_only: bool = False) -> sqlite3.Connection:
        place = ":memory:" if read_only and not self.path.exists() else str(self.path)
        with self._guarded(), ExitStack() as undone:
            base = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=30)
            undone.callback(base.close)
            base.text_factory = lambda raw: raw.decode("utf-8", "replace")
            tables = _tables(base)
            if not read_only:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("PRAGMA synchronous = NORMAL")
            if not read_only or not tables:
                base.executescript(_TABLES)
            # Missing only in a journal of an older version that is opened read-only.
            self._digested = "digests" in _tables(base)
            undone.pop_all()
        return base

    @contextmanager
    def _guarded(self):
        """Turn errors of the file into a LetheError of one line."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise trouble(self.path, error) from None

    def _rows(self, statement: str, values: tuple = ()) -> list[tuple]:
        with self._guarded():
            return self._base.execute(statement, values).fetchall()

    def close(self) -> None:
        self._thread.shutdown()
        if self._base is not None:
            self._base.close()
        if self._flights is not None:
            self._flights.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: str) -> Answer | None:
        """The answer to a request asked before.

        An answer that has changed since it was stored is set aside with a warning; returns None.
        """
        # As blobs, since damaged text might not even decode.
        columns = ", ".join(f"CAST({name} AS BLOB)" for name in _TEXTS)
        rows = self._rows(
            f"SELECT {columns}, prompt_tokens, completion_tokens FROM answers WHERE key = ?", (key,)
        )
        if not rows:
            return None
        *texts, prompt, completion = rows[0]
        try:
            stage, request, *said = [text.decode() for text in texts]
        except UnicodeDecodeError:
            return self._damaged(key)
        answer = Answer(*said, prompt, completion)
        known = self._digest(key)
        if known is not None and known != digest_of(stage, request, answer):
            return self._damaged(key)
        return answer

    def _digest(self, key: str) -> str | None:
        """The digest stored with an answer; None for answers of older versions."""
        if not self._digested:
            return None
        rows = self._rows("SELECT CAST(sha256 AS BLOB) FROM digests WHERE key = ?", (key,))
        return rows[0][0].decode("ascii", "replace") if rows else None

    def _damaged(self, key: str) -> None:
        logger.warning(
            "%s: the answer %s… is not what was kept (its digest differs); it is put aside (table"
            " discarded) and asked for again",
            self.path,
            key[:12],
        )
        self.discard(key, "damaged answer")

    def discard(self, key: str, why: str) -> None:
        """Set an answer aside, so that it is asked for again. Its tokens still count."""
        if self._flights is None:
            return
        with self._guarded(), self._transaction():
            self._base.execute(
                f"INSERT INTO discarded SELECT ?, {_COLUMNS} FROM answers WHERE key = ?", (why, key)
            )
            self._base.execute(
                f"INSERT INTO failures SELECT stage, ?, 1, {_PROMPT}, {_COMPLETION} FROM answers"
                f" WHERE key = ? {_ADDED}",
                (why, key),
            )
            self._base.execute("DELETE FROM answers WHERE key = ?", (key,))
            self._base.execute("DELETE FROM digests WHERE key = ?", (key,))

    @contextmanager
    def _transaction(self):
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            # A full disk has already ended the transaction.
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise

    def trait(self, service: str) -> Any:
        """What probing has found out about a service."""
        rows = self._rows("SELECT value FROM traits WHERE service = ?", (service,))
        try:
            return json.loads(rows[0][0]) if rows else None
        except (ValueError, RecursionError):
            return None

    def keep_trait(self, service: str, value: dict) -> None:
        self._write("INSERT OR REPLACE INTO traits VALUES (?, ?)", (service, _canonical(value)))

    def takes_off(self, request: Request, prompt_tokens: int, completion_tokens: int) -> int:
        """Record a request in flight with its token bounds; returns its flight number.

        From this the next run learns what a killed one may have been billed for.
        """
        return self._flights.start(request.key, request.stage, prompt_tokens, completion_tokens)

    def sent_lately(self) -> list[tuple[float, int, int]]:
        """Requests of earlier runs in the last minute: seconds since, bounds of their tokens."""
        return self._sent

    def keep(self, flight: int, request: Request, answer: Answer) -> None:
        """Store an answer; when this returns, it survives the process."""
        values = (request.key, request.stage, request.text, *astuple(answer))
        digest = digest_of(request.stage, request.text, answer)
        with self._guarded(), self._transaction():
            row = "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            if self._base.execute(row, values).rowcount:
                self._base.execute(
                    "INSERT OR REPLACE INTO digests VALUES (?, ?)", (request.key, digest)
                )
        self._flush_now_and_then()
        self._flights.end(flight)

    def failed(
        self, flight: int, stage: str, kind: str, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Record a failed request, with the tokens that it may have been billed for."""
        self._write(_FAILED, (stage, kind, 1, prompt_tokens, completion_tokens))
        self._flights.end(flight)

    def usage(self, stages: Iterable[str] | None = None) -> Usage:
        """Total usage of answers and failures, for some stages or all."""
        where, values = _where(stages)
        total = [0, 0, 0]
        for table, count in (("answers", "count(*)"), ("failures", "sum(count)")):
            sums = f"SELECT {count}, sum({_PROMPT}), sum({_COMPLETION}) FROM {table}{where}"
            (row,) = self._rows(sums, values)
            total = [sum_ + (value or 0) for sum_, value in zip(total, row, strict=True)]
        return Usage(*total)

    def answered(self, stage: str) -> Usage:
        """Usage of one stage's answers alone; their mean predicts the next one."""
        sums = f"SELECT count(*), sum({_PROMPT}), sum({_COMPLETION}) FROM answers WHERE stage = ?"
        (row,) = self._rows(sums, (stage,))
        return Usage(*(value or 0 for value in row))

    def failures(self, stages: Iterable[str] | None = None) -> dict[str, int]:
        """How often each kind of failure occurred."""
        where, values = _where(stages)
        kinds = f"SELECT kind, sum(count) FROM failures{where} GROUP BY kind ORDER BY kind"
        return dict(self._rows(kinds, values))

    def models(self, stages: Iterable[str] | None = None) -> dict[str, int]:
        """How many answers each model gave, by the name that the service reported."""
        where, values = _where(stages)
        rows = self._rows(f"SELECT model, count(*) FROM answers{where} GROUP BY model", values)
        named: Counter[str] = Counter()
        for name, count in rows:
            named[shown(name)[:_LONGEST_NAME]] += count
        return dict(sorted(named.items()))

    def _count_lost(self, lost: list[tuple[str, str, int, int]]) -> None:
        """Count requests in flight when a run was killed as sent, since they may be billed."""
        rows = [
            (stage, "killed", 1, prompt, completion)
            for key, stage, prompt, completion in lost
            if self.find(key) is None
        ]
        with self._guarded(), self._transaction():
            self._base.executemany(_FAILED, rows)
        self._flights.clear(_MINUTE)

    def _write(self, statement: str, values: tuple) -> None:
        with self._guarded():
            self._base.execute(statement, values)
        self._flush_now_and_then()

    def _flush_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._flushed > _FLUSH_EVERY:
            self._flushed = now
            # In a thread of its own, since it waits for the disk.
            self._thread.submit(self._flush)

    def _flush(self) -> None:
        """Flush commits to disk, through a separate connection."""
        base = sqlite3.connect(self.path, timeout=30)
        base.execute("PRAGMA wal_checkpoint(PASSIVE)")
        base.close()


def _tables(base: sqlite3.Connection) -> set[str]:
    """The names of the tables; sqlite3.Error if they belong to another program."""
    rows = base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {name for (name,) in rows}
    if names and "answers" not in names:
        raise sqlite3.DatabaseError("it has tables, but none of answers")
    for table in names & COLUMNS_OF.keys():
        base.execute(f"SELECT {COLUMNS_OF[table]} FROM {table} LIMIT 0")
    return names


def _where(stages: Iterable[str] | None) -> tuple[str, tuple]:
    if stages is None:
        return "", ()
    stages = tuple(stages)
    return f" WHERE stage IN ({', '.join('?' * len(stages))})", stages
