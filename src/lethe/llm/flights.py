"""Which requests are under way, beside the journal: what a killed run may have been billed for."""

import errno
import fcntl
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lethe.common.characters import has_lone_surrogate
from lethe.common.errors import LetheError
from lethe.llm.trouble import trouble

# Of a start, after its sign and number: when, the request's key and stage, bounds of its tokens.
_START = (float | int, str, str, int, int)
_MOST_TOKENS = 10**12


class Flights:
    """Requests under way, in a small file beside the journal: lines ``+`` (start) and ``-`` (end).

    What is written there survives the death of the process, and need not survive the machine's: so
    it is not waited for until it is on the disk. The file is also the lock of the journal, for two
    runs at once would ask, and pay, for the same things. Starts of the last minute stay in it when
    a new run begins, as lines ``=``, since services count them still.
    """

    def __init__(self, journal: Path):
        path = Path(f"{journal}.flights")
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise trouble(path, error) from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise LetheError(
                f"{journal}: another run is writing it; wait for that one to end"
            ) from None
        self._path, self._number = path, 0

    def lost(self) -> list[tuple[str, str, int, int]]:
        """Key, stage and bounds of the requests that the last run left under way."""
        under_way: dict[int, tuple[str, str, int, int]] = {}
        for sign, number, *rest in self._lines():
            if sign == "+":
                _, *entry = rest
                under_way[number] = tuple(entry)
            elif sign == "-":
                under_way.pop(number, None)
        return list(under_way.values())

    def lately(self, seconds: float) -> list[tuple[float, int, int]]:
        """Requests started in the last ``seconds``: seconds since then, bounds of their tokens."""
        now = time.time()
        starts = [rest for sign, *rest in self._lines() if sign != "-"]
        return [(now - at, *each) for _, at, _, _, *each in starts if 0 <= now - at < seconds]

    def clear(self, seconds: float) -> None:
        """Forget all but what was started in the last ``seconds``."""
        recent, now = self.lately(seconds), time.time()
        os.ftruncate(self._handle, 0)
        for age, *each in recent:
            self._note("=", 0, now - age, "", "", *each)

    def start(self, *entry: str | int) -> int:
        self._number += 1
        self._note("+", self._number, time.time(), *entry)
        return self._number

    def end(self, number: int) -> None:
        self._note("-", number)

    def _lines(self) -> Iterator[list]:
        size = os.fstat(self._handle).st_size
        for line in os.pread(self._handle, size, 0).decode("utf-8", "replace").split("\n"):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue  # cut off with the process
            if _of_form(entry):
                yield entry

    def _note(self, *entry: str | float) -> None:
        line = (json.dumps(entry) + "\n").encode()
        try:
            written = os.write(self._handle, line)
        except OSError as error:
            raise trouble(self._path, error) from None
        if written < len(line):
            raise trouble(self._path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def close(self) -> None:
        os.close(self._handle)


def _of_form(entry: Any) -> bool:
    """Whether this is an entry of ours: a start with all that belongs to it, or an end."""
    if not isinstance(entry, list) or [type(each) for each in entry[:2]] != [str, int]:
        return False
    sign, _, *rest = entry
    if sign == "-":
        return not rest
    if sign not in ("+", "=") or len(rest) != len(_START):
        return False
    fits = all(isinstance(v, kind) for v, kind in zip(rest, _START, strict=True))
    if not fits or any(has_lone_surrogate(text) for text in rest[1:3]):
        return False
    return math.isfinite(rest[0]) and all(0 <= tokens <= _MOST_TOKENS for tokens in rest[-2:])
