"""How a training runs, not what it learns: micro-batches and processes. Light to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from lethe.common.distributed import SingleProcess

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
    """A training whose state is saved."""

    @property
    def number(self) -> int:
        """Steps taken."""

    def state(self) -> State:
        """Everything that changes during training."""


class NoStateSaver:
    """Saves nothing: a stopped training starts again. ``train.resume`` has one that saves."""

    def due(self) -> bool:
        """Whether a state should be saved now, between two steps."""
        return False

    def save(self) -> None:
        """Save the states of all participants. LetheError if a signal asked the process to end."""

    def take(self, name: str) -> State | None:
        """Hand over the saved state of a training; None if there is none."""
        return None

    @contextmanager
    def after(self, finish: Callable[[], None]) -> Iterator[None]:
        """Within the block a state is saved only after ``finish()``.

        A state of a later epoch must not outlive a kill that loses an earlier epoch's checkpoint.
        """
        yield

    @contextmanager
    def joined(self, name: str, participant: Participant) -> Iterator[None]:
        """Within the block, the participant's state is part of what is saved."""
        yield


@dataclass
class Execution:
    """How a training runs. These choices change its results only by rounding.

    ``microbatch_tokens``: padded tokens of a micro-batch; None: each step is one micro-batch.
    ``name`` tells the training apart from others of its job.
    """

    microbatch_tokens: int | None = None
    state_saver: NoStateSaver = field(default_factory=NoStateSaver)
    process_group: SingleProcess = field(default_factory=SingleProcess)
    name: str = "training"

    def named(self, name: str) -> Execution:
        """A copy for another training of the same job."""
        return replace(self, name=name)

    def load_to(self, device: str) -> str:
        """The device on which to load a model: a sharded one need not fit on ``device`` whole."""
        return "cpu" if self.process_group.sharded else device

    def parts(
        self,
        sources: Mapping[str, Sequence[Example]],
        rows: Mapping[str, Sequence[int]],
        whole: bool = False,
        pick: Pick | None = None,
    ) -> list[dict[str, Batch]]:
        """This process's micro-batches of a step; a single one with all rows if ``whole``."""
        from lethe.model.batch import pack
        from lethe.train.microbatch import parts

        if whole:
            return parts(sources, rows, pick=pick or pack)
        share = (self.process_group.rank, self.process_group.size)
        filled = self.process_group.sharded
        return parts(sources, rows, self.microbatch_tokens, share, pick or pack, filled)
