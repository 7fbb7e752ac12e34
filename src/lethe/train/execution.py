"""How a training runs, as against what it learns: its parts and its processes. Light to import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from lethe.common.distributed import Alone

if TYPE_CHECKING:
    from lethe.model.batch import Batch
    from lethe.model.encoder import Example
    from lethe.train.microbatch import Pick


# Tensors and plain values (numbers, texts, lists of them) by name.
State = dict[str, Any]


def under(prefix: str, state: State) -> State:
    """The entries of a state whose names begin with ``prefix``, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


class Participant(Protocol):
    """A training of which state is kept."""

    @property
    def number(self) -> int:
        """Steps taken."""

    def state(self) -> State:
        """All that goes on changing."""


class NoKeeper:
    """Nothing is saved: a stopped training begins anew; ``lethe.train.resume`` has another."""

    def due(self) -> bool:
        """Whether a state should be saved now, between two steps."""
        return False

    def save(self) -> None:
        """Save the states of all that take part. LetheError if a signal asked to end."""

    def take(self, name: str) -> State | None:
        """The saved state of a training, which is then its own business."""
        return None

    @contextmanager
    def joined(self, name: str, participant: Participant) -> Iterator[None]:
        """While this lasts, the participant's state is part of what is saved."""
        yield


@dataclass
class Execution:
    """How a training runs. Its results are the same to rounding, whatever is chosen here.

    ``part_tokens``: padded tokens of a part of an optimiser step; None: each step is one part.
    ``name``: of the training, among those of its job.
    """

    part_tokens: int | None = None
    keeper: NoKeeper = field(default_factory=NoKeeper)
    team: Alone = field(default_factory=Alone)
    name: str = "training"

    def named(self, name: str) -> Execution:
        """The same for another training of the job."""
        return replace(self, name=name)

    def load_to(self, device: str) -> str:
        """Where a model to be trained is loaded: in shards it need not fit whole on the device."""
        return "cpu" if self.team.sharded else device

    def parts(
        self,
        sources: Mapping[str, Sequence[Example]],
        rows: Mapping[str, Sequence[int]],
        whole: bool = False,
        pick: Pick | None = None,
    ) -> list[dict[str, Batch]]:
        """This process's parts of a step (``microbatch``); one with all rows if it stays whole."""
        from lethe.model.batch import pack
        from lethe.train.microbatch import parts

        if whole:
            return parts(sources, rows, pick=pick or pack)
        share = (self.team.rank, self.team.size)
        filled = self.team.sharded
        return parts(sources, rows, self.part_tokens, share, pick or pack, filled)
