"""Asks again for the items that failed, and only for these, a limited number of times."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from lethe.llm.structured import Unusable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Unrepairable(Exception):
    """Some items failed at every attempt."""


@dataclass
class Try(Generic[K]):
    """One attempt: its number, from 1, the items it is for, and why they failed before.

    ``unusable``: why the whole last answer could not be used; empty if it could.
    """

    number: int
    wanted: list[K]
    reasons: dict[K, str] = field(default_factory=dict)
    unusable: str = ""

    def remarks(self, name: Callable[[K], str]) -> str:
        """For the prompt: what was wrong with the last attempt. Empty at the first one.

        The remarks also make each attempt a different request, so that the journal does not answer
        it with the answer of an earlier attempt.
        """
        if self.number == 1:
            return ""
        lines = [f"- {name(key)}: {reason}" for key, reason in self.reasons.items()]
        if self.unusable:
            lines = [f"- the whole answer: {self.unusable}"]
        return f"\nThis is attempt {self.number}. In the last one this was wrong:\n" + "\n".join(
            lines
        )


async def together(*coroutines: Awaitable[V]) -> list[V]:
    """The results of all coroutines, in order; raises the first exception once all have ended.

    None is abandoned: the answers to its requests are paid for, and the journal should get them.
    """
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


async def repaired(
    wanted: Sequence[K],
    ask: Callable[[Try[K], dict[K, V]], Awaitable[dict[K, V]]],
    gate: Callable[[K, V, dict[K, V]], str | None],
    attempts: int,
    tally: Counter[str],
) -> dict[K, V]:
    """A value for every wanted item that ``gate`` accepts.

    ``ask(attempt, done)`` requests values for items; ``gate(key, value, done)`` says what is wrong
    with one, given those accepted before it. Reasons are counted in ``tally``.

    Raises:
        Unrepairable: items still fail after ``attempts``; the message says how many and why.
    """
    done: dict[K, V] = {}
    attempt: Try[K] = Try(1, list(wanted))
    while attempt.wanted:
        if attempt.number > attempts:
            raise Unrepairable(_summary(attempt))
        attempt = await _once(attempt, ask, gate, done, tally)
    return {key: done[key] for key in wanted}


async def _once(attempt, ask, gate, done, tally) -> Try:
    try:
        values = await ask(attempt, done)
    except Unusable as error:
        tally[error.reason] += 1
        return Try(attempt.number + 1, attempt.wanted, unusable=error.reason)
    reasons = {}
    for key in attempt.wanted:
        reason = gate(key, values[key], done) if key in values else "missing"
        if reason is None:
            done[key] = values[key]
        else:
            reasons[key] = reason
            tally[reason] += 1
    tally["surplus"] += len(values.keys() - set(attempt.wanted))
    return Try(attempt.number + 1, list(reasons), reasons)


def _summary(attempt: Try) -> str:
    if attempt.unusable:
        return attempt.unusable
    counts = Counter(attempt.reasons.values()).most_common()
    return ", ".join(f"{reason} ({count})" for reason, count in counts)
