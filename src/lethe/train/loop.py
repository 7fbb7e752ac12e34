"""The training loop: optimizer steps over the micro-batches of each batch."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import torch

from lethe.common.distributed import SingleProcess
from lethe.model import compiling, cuda_graphs
from lethe.model.forward import Forward, packed_states
from lethe.model.fsdp import placed_like
from lethe.train import optimizer_settings
from lethe.train.execution import Execution, State, under
from lethe.train.optimizer import Differentiator, Optimizer
from lethe.train.settings import Schedule

Report = Callable[[int, int, float], None]
# The micro-batches of a step, of whatever type the terms take.
Parts = Sequence[Any]


def recorded(model, steps: int) -> Forward:
    """A model's forward passes, from CUDA graphs where that is faster for ``steps`` steps."""
    return Forward(model, cuda_graphs.choose(model, steps, partial(packed_states, model)))


class Loop:
    """Minimises a loss, and can be resumed from its state.

    ``wrappers`` (``lethe.unlearn.wrappers``) are called with gradients and after updates.
    ``inner_steps``: the optimizer steps on each batch, all of which count in ``per_epoch``.

    ``terms``: functions of a micro-batch whose sum is the scalar to minimise on it, differentiated
    one after the other; a step's loss is the sum over its micro-batches. With ``shared`` each
    process has micro-batches of its own, otherwise every process has all of them. ``besides()`` is
    the state that a resumed run needs in addition to weights, optimizer and position.
    ``recordable``: whether each pass is differentiated at most once, as CUDA graphs require.
    """

    def __init__(
        self,
        model,
        schedule: Schedule,
        per_epoch: int,
        seed: int | str,
        how: Execution,
        *,
        choice: optimizer_settings.Optimizer | None = None,
        gradient: optimizer_settings.Gradient | None = None,
        shared: bool = True,
        besides: Callable[[], State] = dict,
        wrappers: Sequence[Any] = (),
        inner_steps: Sequence[optimizer_settings.InnerStep] = (optimizer_settings.InnerStep(),),
        recordable: bool = True,
    ):
        self.model, self.schedule, self.per_epoch, self.how = model, schedule, per_epoch, how
        self.steps = per_epoch * schedule.epochs
        compiling.choose(model, self.steps)
        self.forward = recorded(model, self.steps) if recordable else Forward(model)
        self.seed, self.besides = seed, besides
        self.weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.process_group = how.process_group if shared else SingleProcess()
        self.differentiate = Differentiator(
            gradient or optimizer_settings.Backpropagation(),
            self.weights.values(),
            self.steps,
            seed,
            self.process_group,
        )
        self.wrappers, self.inner_steps = wrappers, inner_steps
        # In order, each of them once.
        kinds = self.differentiate.kinds
        optimizer_states = dict.fromkeys(
            inner_step.name + kind for inner_step in inner_steps for kind in kinds
        )
        self.optimizer = Optimizer(model, schedule, per_epoch, choice, [*optimizer_states])

    @property
    def number(self) -> int:
        """How many steps have been taken."""
        return self.optimizer.number

    def state(self) -> State:
        """Weights, optimizer, position and generator: all that a step takes from earlier ones.

        Other randomness in a step (dropout) is seeded by its number.
        """
        return {
            **{f"weights/{name}": p for name, p in self.weights.items()},
            **{f"optimiser/{key}": value for key, value in self.optimizer.state().items()},
            **{f"method/{key}": value for key, value in self.besides().items()},
            "directions": self.differentiate.draw.get_state(),
        }

    @torch.no_grad()
    def restore(self, state: State | None) -> None:
        """Resume from a ``state`` of the same training; None: start from the beginning."""
        if state is None:
            return
        for name, p in self.weights.items():
            p.copy_(placed_like(state[f"weights/{name}"], p))
        self.optimizer.restore(under("optimiser/", state))
        self.differentiate.draw.set_state(state["directions"])

    def epochs(
        self,
        steps: Callable[[int], Iterable[Parts]],
        terms: Sequence[Callable[[Any], Any]],
        report: Report,
        stepped: Callable[[int], bool | None] = lambda epoch: None,
        sums: dict[str, float] | None = None,
    ) -> Iterator[tuple[int, int]]:
        """Train in place; yield (epoch, step) after each epoch, counted from 1.

        ``steps(epoch)`` gives the micro-batches of each step. ``stepped(epoch)`` is called after
        each, when ``sums`` holds what its micro-batches added to it on all processes; if it
        returns True, the training ends with that step. A training that resumes at the end of an
        epoch yields that epoch again, since what was to be done with it may be lost.
        """
        sums, state_saver = {} if sums is None else sums, self.how.state_saver
        first = max(1, -(-self.number // self.per_epoch))
        with state_saver.joined(self.how.name, self):
            for epoch in range(first, self.schedule.epochs + 1):
                self.model.train()
                done = self.number - (epoch - 1) * self.per_epoch
                coming = islice(steps(epoch), done, None)
                parts = next(coming, None)
                ended = False
                while parts is not None and not ended:
                    value = self._step(parts, terms, sums)
                    # A GPU is still at work: the next batches are packed before its loss is read.
                    parts = next(coming, None)
                    ended = bool(stepped(epoch))
                    report(self.number, self.steps, value())
                    # A state saved at the end would be trained further.
                    if not ended and state_saver.due():
                        state_saver.save()
                self.model.eval()
                yield epoch, self.number
                if ended:
                    return

    def _step(
        self, parts: Parts, terms: Sequence[Callable], sums: dict[str, float]
    ) -> Callable[[], float]:
        """Take one optimiser step; return its loss over all parts. ``sums`` then has theirs."""
        if self.forward.graphs is not None:
            self.forward.graphs.begin()

        def begin():
            sums.update(dict.fromkeys(sums, 0.0))

        draw = random.Random(f"step/{self.seed}/{self.number}/{self.process_group.rank}")
        torch.manual_seed(draw.getrandbits(63))
        losses = [partial(term, part) for part in parts for term in terms]
        value, kind = self.differentiate(losses, self.number, begin)
        for wrapper in self.wrappers:
            wrapper.differentiated(
                self.forward, parts, self.optimizer.parameters, self.process_group
            )
        inner_step = self.inner_steps[self.number % len(self.inner_steps)]
        self.optimizer.step(inner_step.name + kind, value, inner_step.rate)
        for wrapper in self.wrappers:
            wrapper.updated()
        sums.update(zip(sums, self.process_group.sum([*sums.values()]), strict=True))
        return value
