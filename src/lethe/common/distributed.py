"""Several processes that train or evaluate one model together, through accelerate."""

from collections.abc import Iterable, Iterator
from typing import Any

# Numbers of a gradient that are summed over processes at a time (256 MiB in float32).
BUCKET = 2**26


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


class Team(Alone):
    """One of the processes that ``launch`` started; each holds the whole model.

    Sums over processes give every one the same bits, so that their models stay equal.
    """

    def __init__(self, device: str):
        """Meet the others; ``device`` is where this process computes."""
        from accelerate import PartialState

        self.state = PartialState(cpu=device == "cpu")
        self.rank, self.size = self.state.process_index, self.state.num_processes
        self.device = self.state.device

    def sum(self, values: list[float]) -> list[float]:
        import torch

        # All processes have as many: of none there is nothing to tell.
        if not values:
            return []
        return self._reduced(torch.tensor(values, dtype=torch.float64)).tolist()

    def any(self, flag: bool) -> bool:
        return self.sum([float(flag)])[0] > 0

    def add_gradients(self, parameters) -> None:
        import torch

        parameters = list(parameters)
        # A process whose part reached fewer parameters than another's, or that had none, adds zero.
        reached = self.sum([float(p.grad is not None) for p in parameters])
        wanted = [p for p, count in zip(parameters, reached, strict=True) if count > 0]
        for p in wanted:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        for bucket in _buckets([p.grad for p in wanted]):
            summed = self._reduced(torch.cat([gradient.flatten() for gradient in bucket]))
            parts = summed.split([gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def gathered(self, value: Any) -> list[Any]:
        from accelerate.utils import gather_object

        return gather_object([value])

    def wait(self) -> None:
        self.state.wait_for_everyone()

    def _reduced(self, values):
        from torch.distributed import all_reduce

        values = values.to(self.device)
        all_reduce(values)
        return values


def _buckets(gradients: Iterable[Any]) -> Iterator[list[Any]]:
    """Gradients of one type, together about as large as a bucket."""
    bucket: list[Any] = []
    for gradient in gradients:
        full = sum(g.numel() for g in bucket) >= BUCKET
        if bucket and (full or bucket[0].dtype != gradient.dtype):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket
