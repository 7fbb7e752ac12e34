"""What every step of generating authors works with, and how it divides its items into batches."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lethe.llm.client import Client
from lethe.llm.prompts import Prompt
from lethe.world.generated.repair import together
from lethe.world.generated.settings import Generation

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Context:
    """The client, prompt and settings of a step; ``tally`` counts what it rejects, by reason."""

    client: Client
    prompt: Prompt
    generation: Generation
    tally: Counter[str] = field(default_factory=Counter)


async def in_batches(
    items: Sequence[Item], size: int, make: Callable[[dict[int, Item]], Awaitable[list[Made]]]
) -> list[Made]:
    """The results of ``make`` for all items, in order; batches of ``size`` run concurrently.

    ``make`` gets a batch's items by their number, which counts from 1.
    """
    parts = batches(list(enumerate(items, start=1)), size)
    done = await together(*[make(dict(part)) for part in parts])
    return [one for part in done for one in part]


def batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Slices of ``size`` items, in order; the last may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]
