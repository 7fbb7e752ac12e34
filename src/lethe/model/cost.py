"""Measures what a job costs: time, memory, passes of models.

Costs are stored apart from results, which must not vary from run to run.
"""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lethe.common.files import write_json
from lethe.model.attached import TALLY


@dataclass
class Tally:
    """Passes of models and the tokens in them, padding included.

    A pass is one call of any model's decoder: the model being trained, a frozen copy, or one that
    is trained along the way. A pass that stops at an inner layer counts its tokens times the share
    of layers that ran. A backward pass is a gradient that reaches the output of a pass.
    """

    forward_passes: int = 0
    backward_passes: int = 0
    forward_tokens: float = 0
    backward_tokens: float = 0

    def forward(self, tokens: float) -> None:
        self.forward_passes += 1
        self.forward_tokens += tokens

    def backward(self, tokens: float) -> None:
        self.backward_passes += 1
        self.backward_tokens += tokens


class Meter:
    """Measures from its creation on; ``read`` gives the cost so far.

    As a context manager it also counts the passes of every model given to ``watch``.
    """

    def __init__(self):
        self.wall = time.perf_counter()
        self.cpu = time.process_time()
        self.tally: Tally | None = None

    def __enter__(self) -> "Meter":
        self.tally = Tally()
        self._before = TALLY.set(self.tally)
        return self

    def __exit__(self, *_) -> None:
        TALLY.reset(self._before)

    def spent(self) -> dict[str, float]:
        """Wall-clock and processor seconds so far, and passes of models."""
        return {
            "wall_seconds": round(time.perf_counter() - self.wall, 3),
            "cpu_seconds": round(time.process_time() - self.cpu, 3),
            **({} if self.tally is None else vars(self.tally)),
        }

    def add(self, earlier: dict[str, float]) -> None:
        """Add what an earlier process ``spent`` on the same job."""
        self.wall -= earlier["wall_seconds"]
        self.cpu -= earlier["cpu_seconds"]
        for name in () if self.tally is None else vars(self.tally):
            setattr(self.tally, name, getattr(self.tally, name) + earlier.get(name, 0))

    def read(self, **counts: float) -> dict[str, float]:
        """Wall-clock and processor seconds, peak memory (MiB), passes, and the ``counts`` given.

        For ``tokens`` among the counts, tokens per second are added.
        """
        cost = {
            **self.spent(),
            "peak_memory_mib": round(_peak_mib(), 1),
            **counts,
        }
        if "tokens" in counts:
            cost["tokens_per_second"] = round(counts["tokens"] / cost["wall_seconds"], 1)
        if self.tally is not None:
            cost |= {key: round(count) for key, count in vars(self.tally).items()}
            cost["forward_tokens_per_second"] = round(
                self.tally.forward_tokens / max(cost["wall_seconds"], 1e-3), 1
            )
        return cost | _cuda()

    def write(self, file: str | Path, **counts: float) -> None:
        """Write what ``read`` gives as JSON."""
        write_json(file, self.read(**counts))


def watch(model) -> None:
    """Make meters count a causal LM's passes, and those of copies made from it."""
    from lethe.model.decoders import decoder_of

    decoder_of(model).register_forward_hook(_passed, with_kwargs=True)


def passed(states, tokens: float) -> None:
    """Count a pass whose output is the tensor ``states``, and its backward pass if there is one."""
    tally = TALLY.get()
    if tally is None:
        return
    tally.forward(tokens)
    if states.requires_grad:
        # The hook holds the tally itself: on a GPU it runs in another thread.
        states.register_hook(lambda gradient: tally.backward(tokens))


def _passed(decoder, args, kwargs, output) -> None:
    states = output[0]
    passed(states, states.shape[0] * states.shape[1])


def _peak_mib() -> float:
    """Peak resident memory of this process; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _cuda() -> dict[str, float]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    return {
        "device": torch.cuda.get_device_name(),
        "peak_cuda_mib": round(torch.cuda.max_memory_allocated() / 2**20, 1),
    }
