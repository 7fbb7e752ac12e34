"""Time-outs that are over once the service is slow on purpose, so that no test waits for them.

A short time-out would do as well, but on a busy machine good answers would then come too late.
"""

import asyncio
from contextvars import ContextVar
from types import SimpleNamespace

from lethe.llm import connection
from lethe.llm.journal import key_of

_current: ContextVar[asyncio.Timeout] = ContextVar("the time-out of this request")


class Deadlines:
    """The time-outs of requests of this process, by the request's key."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Timeout]] = {}

    def watch(self, monkeypatch) -> None:
        """Take note of each time-out that a connection sets, and of what it is for."""
        post = connection.Connection._post

        def timeout(seconds: float) -> asyncio.Timeout:
            made = asyncio.timeout(seconds)
            _current.set(made)
            return made

        async def noted(self: connection.Connection, body: dict):
            key = key_of(body)
            deadlines._running[key] = asyncio.get_running_loop(), _current.get()
            return await post(self, body)

        deadlines = self
        monkeypatch.setattr(connection, "asyncio", SimpleNamespace(timeout=timeout))
        monkeypatch.setattr(connection.Connection, "_post", noted)

    def end(self, key: str) -> None:
        """The request's time is up now; from any thread."""
        loop, timeout = self._running.pop(key)
        loop.call_soon_threadsafe(lambda: timeout.reschedule(loop.time()))
