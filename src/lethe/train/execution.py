"""How a training runs, as against what it learns: its parts and its processes. Light to import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

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
    """Nothing is saved: a training that is stopped begins anew; ``lethe.train.resume`` has another."""

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


class Alone:
    """One process: what it computes is the whole."""

    rank, size = 0, 1
    # Whether each holds a part of a model only (``lethe.model.fsdp``).
    sharded = False

    def spread(self, model, shared: bool = True) -> None:
        """Keep of a model this process's share, where processes hold it together; in place.

        ``shared``: each has parts of a step of its own, else every one has all of them.
        """

    def whole(self, value: Any) -> Any:
        """A value of a training's state as it is without shards; the first process has it."""
        return value

    def sum(self, values: list[float]) -> list[float]:
        """The sums of values over all processes."""
        return values

    def add_gradients(self, parameters) -> None:
        """Put on every parameter the sum of its gradients over all processes."""

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on some process."""
        return flag

    def gathered(self, value: Any) -> list[Any]:
        """The values of all processes, in their order."""
        return [value]

    def wait(self) -> None:
        """Until every process has come here."""


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

    def parts(
        self,
        sources: Mapping[str, Sequence[Example]],
        rows: Mapping[str, Sequence[int]],
        whole: bool = False,
        pick: Pick | None = None,
    ) -> list[dict[str, Batch]]:
        """This process's parts of a step (``lethe.train.microbatch``); one with all rows if it stays whole."""
        from lethe.model.batch import pack
        from lethe.train.microbatch import parts

        if whole:
            return parts(sources, rows, pick=pick or pack)
        share = (self.team.rank, self.team.size)
        filled = self.team.sharded
        return parts(sources, rows, self.part_tokens, share, pick or pack, filled)
