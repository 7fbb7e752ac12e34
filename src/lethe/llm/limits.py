"""The budget, and a service's per-minute rate limits."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from lethe.common.errors import LetheError
from lethe.llm.journal import Usage
from lethe.llm.settings import Budget, Prices


def bounds(body: dict[str, Any]) -> tuple[int, int]:
    """Upper bounds of the tokens of prompt and answer; a token is at least a byte."""
    text = sum(len(message["content"].encode()) + 16 for message in body["messages"])
    form = len(str(body.get("response_format", "")))
    return text + form, body.get("max_tokens") or body["max_completion_tokens"]


def metered(prompt_tokens: int, completion_tokens: int) -> int:
    """Tokens as services count them against the per-minute limit, given a request's ``bounds``.

    A token of the prompt is taken to be about four bytes.
    """
    return prompt_tokens // 4 + completion_tokens


class BudgetSpent(LetheError):
    """The next request might exceed the budget."""


class Purse:
    """What is left of the budget. A request is admitted only if its worst case fits.

    ``spent`` is the usage of all runs on this journal so far. Requests in flight count with their
    worst case until they end, and then with their actual usage.
    """

    def __init__(self, budget: Budget, prices: Prices, spent: Usage):
        self.budget, self.prices, self.spent = budget, prices, spent
        self._held: dict[int, tuple[int, int]] = {}
        self._tickets = 0
        self._freed = asyncio.Event()

    @property
    def cost(self) -> float:
        return self.prices.cost(self.spent.prompt_tokens, self.spent.completion_tokens)

    async def reserve(self, prompt_tokens: int, completion_tokens: int) -> int:
        """A ticket for one request of at most this many tokens.

        Waits while only the reservations of requests in flight stand in the way.

        Raises:
            BudgetSpent: it does not fit even if they turn out to cost nothing.
        """
        while True:
            short = self._short(prompt_tokens, completion_tokens)
            if short is None:
                self._tickets += 1
                self._held[self._tickets] = (prompt_tokens, completion_tokens)
                return self._tickets
            if not self._held:
                raise BudgetSpent(short)
            self._freed.clear()
            await self._freed.wait()

    def release(self, ticket: int) -> None:
        """The request was not sent after all."""
        del self._held[ticket]
        self._freed.set()

    def settle(self, ticket: int, prompt_tokens: int, completion_tokens: int) -> None:
        """The request has ended and used this many tokens."""
        del self._held[ticket]
        spent = self.spent
        self.spent = Usage(
            spent.requests + 1,
            spent.prompt_tokens + prompt_tokens,
            spent.completion_tokens + completion_tokens,
        )
        self._freed.set()

    def _short(self, prompt_tokens: int, completion_tokens: int) -> str | None:
        """Why the next request does not fit."""
        prompts = prompt_tokens + sum(p for p, _ in self._held.values())
        completions = completion_tokens + sum(c for _, c in self._held.values())
        spent = self.spent
        sums = {
            "requests": (spent.requests + len(self._held) + 1, spent.requests, "d"),
            "tokens": (spent.tokens + prompts + completions, spent.tokens, "d"),
            "cost": (self.cost + self.prices.cost(prompts, completions), self.cost, ".4f"),
        }
        for name, (after, now, form) in sums.items():
            most = getattr(self.budget, name)
            if most is not None and after > most:
                return (
                    f"budget.{name}: {now:{form}} of {most} are spent, and the next request might"
                    " exceed it; raise it and run again; answers so far are kept"
                )
        return None


class Window:
    """At most ``limit`` units in any ``period`` seconds; None: no limit.

    ``before``: seconds since each entry of earlier runs, and its units.
    """

    def __init__(
        self,
        limit: int | None,
        period: float = 60.0,
        before: Iterable[tuple[float, int]] = (),
    ):
        self.limit, self.period = limit, period
        now = time.monotonic()
        self._entries = deque(sorted((now - age, units) for age, units in before))
        self._sum = sum(units for _, units in self._entries)
        self._turn = asyncio.Lock()

    async def enter(
        self, units: int = 1, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        """Wait until ``units`` fit; an empty window accepts even more than the limit.

        ``sleep`` returns something true if the client has stopped and waiting is pointless.
        """
        if self.limit is None:
            return
        async with self._turn:
            while self._entries and self._sum + units > self.limit:
                rest = self._entries[0][0] + self.period - time.monotonic()
                if await sleep(max(0.0, rest)):
                    return
                self._forget()
            self._entries.append((time.monotonic(), units))
            self._sum += units

    def _forget(self) -> None:
        horizon = time.monotonic() - self.period
        while self._entries and self._entries[0][0] <= horizon:
            self._sum -= self._entries.popleft()[1]
