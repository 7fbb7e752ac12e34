"""What every step of generating authors works with, and how it portions its items."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lethe.llm.client import Client
from lethe.llm.prompts import Prompt
from lethe.world.generated.settings import Generation

Item = TypeVar("Item")


@dataclass(frozen=True)
class Context:
    """Whom a step asks, by which prompt and settings; ``tally`` counts what it rejects."""

    client: Client
    prompt: Prompt
    generation: Generation
    tally: Counter[str] = field(default_factory=Counter)


def batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Slices of so many items, in order; the last may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]
