"""Process groups: several processes that train or evaluate one model together (accelerate)."""

from collections.abc import Iterable, Iterator
from typing import Any

# Gradient values that are summed over processes at a time (256 MiB in float32).
BUCKET = 2**26


class Alone:
    """A process group of one: what it computes is the whole result."""

    rank, size = 0, 1
    # Whether each process holds only a shard of the model (``lethe.model.fsdp``).
    sharded = False

    def spread(self, model, shared: bool = True) -> None:
        """Keep only this process's shard of a model, in place, if the model is sharded.

        ``shared``: each process has micro-batches of its own; otherwise every process has all.
        """

    def whole(self, value: Any) -> Any:
        """A value of a training's state, unsharded; returned on the first process only."""
        return value

    def sum(self, values: list[float]) -> list[float]:
        """The sum of each value over all processes."""
        return values

    def add_gradients(self, parameters) -> None:
        """Replace each parameter's gradient by its sum over all processes."""

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any process."""
        return flag

    def gathered(self, value: Any) -> list[Any]:
        """The values of all processes, in order of rank."""
        return [value]

    def wait(self) -> None:
        """Wait until every process gets here."""


class Team(Alone):
    """One of the processes that ``launch`` started; each holds the whole model.

    Sums over processes are identical bit for bit on each, so that their models stay equal.
    """

    def __init__(self, device: str):
        """Join the group; ``device`` is where this process computes."""
        from accelerate import PartialState

        self.state = PartialState(cpu=device == "cpu")
        self.rank, self.size = self.state.process_index, self.state.num_processes
        self.device = self.state.device

    def sum(self, values: list[float]) -> list[float]:
        import torch

        # Every process has the same number of values; without any there is nothing to sum.
        if not values:
            return []
        return self._reduced(torch.tensor(values, dtype=torch.float64)).tolist()

    def any(self, flag: bool) -> bool:
        return self.sum([float(flag)])[0] > 0

    def add_gradients(self, parameters) -> None:
        import torch

        parameters = list(parameters)
        # A process whose micro-batches reached fewer parameters than another's adds zeros.
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
    """Gradients of one dtype, grouped until they fill a bucket."""
    bucket: list[Any] = []
    for gradient in gradients:
        full = sum(g.numel() for g in bucket) >= BUCKET
        if bucket and (full or bucket[0].dtype != gradient.dtype):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket
