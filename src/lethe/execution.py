"""How a training runs, as against what it learns: its parts and its processes. Light to import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lethe.packing import Batch
    from lethe.parts import Pick
    from lethe.text import Example


class Alone:
    """One process: what it computes is the whole."""

    rank, size = 0, 1

    def sum(self, values: list[float]) -> list[float]:
        """The sums of values over all processes."""
        return values

    def add_gradients(self, parameters) -> None:
        """Put on every parameter the sum of its gradients over all processes."""


@dataclass
class Execution:
    """How a training runs. Its results are the same to rounding, whatever is chosen here.

    ``part_tokens``: padded tokens of a part of an optimiser step; None: each step is one part.
    """

    part_tokens: int | None = None
    team: Alone = field(default_factory=Alone)

    def parts(
        self,
        sources: Mapping[str, Sequence[Example]],
        rows: Mapping[str, Sequence[int]],
        whole: bool = False,
        pick: Pick | None = None,
    ) -> list[dict[str, Batch]]:
        """This process's parts of a step (``lethe.parts``); one with all rows if it stays whole."""
        from lethe.packing import pack
        from lethe.parts import parts

        if whole:
            return parts(sources, rows, pick=pick or pack)
        share = (self.team.rank, self.team.size)
        return parts(sources, rows, self.part_tokens, share, pick or pack)
