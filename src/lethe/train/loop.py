"""The loop that every training runs: steps of an optimiser over the parts of each batch."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import torch

from lethe.common.distributed import Alone
from lethe.model.forward import Forward
from lethe.model.fsdp import held
from lethe.train import optimizer_settings
from lethe.train.execution import Execution, State, under
from lethe.train.optimizer import Differentiator, Optimiser
from lethe.train.settings import Schedule

Report = Callable[[int, int, float], None]
# The parts of a step, as whatever ``loss`` takes.
Parts = Sequence[Any]


class Loop:
    """Minimises a loss; knows how far it is.

    ``wrappers`` (``lethe.unlearn.wrappers``) are told of gradients and updates; ``turns``: what the
    steps on each batch are, in ``per_epoch`` counted all.

    ``loss(part)`` is the scalar to minimise on a part; over the parts of a step it adds up. With
    ``shared`` each process has parts of its own, else every process has all of them. ``besides()``
    is what a resumed run needs beside weights, optimiser and position.
    """

    def __init__(
        self,
        model,
        schedule: Schedule,
        per_epoch: int,
        seed: int | str,
        how: Execution,
        *,
        choice: optimizer_settings.Optimiser | None = None,
        gradient: optimizer_settings.Gradient | None = None,
        shared: bool = True,
        besides: Callable[[], State] = dict,
        wrappers: Sequence[Any] = (),
        turns: Sequence[optimizer_settings.Turn] = (optimizer_settings.Turn(),),
    ):
        self.model, self.schedule, self.per_epoch, self.how = model, schedule, per_epoch, how
        self.forward, self.steps = Forward(model), per_epoch * schedule.epochs
        self.seed, self.besides = seed, besides
        self.weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.team = how.team if shared else Alone()
        self.differentiate = Differentiator(
            gradient or optimizer_settings.Backpropagation(),
            self.weights.values(),
            self.steps,
            seed,
            self.team,
        )
        self.wrappers, self.turns = wrappers, turns
        # In order, each once.
        kinds = self.differentiate.kinds
        memories = dict.fromkeys(turn.name + kind for turn in turns for kind in kinds)
        self.optimiser = Optimiser(model, schedule, per_epoch, choice, [*memories])

    @property
    def number(self) -> int:
        """How many steps have been taken."""
        return self.optimiser.number

    def state(self) -> State:
        """Weights, optimiser, position and draws: all that a later step takes from earlier ones.

        What a step draws besides (dropout) comes from its number.
        """
        return {
            **{f"weights/{name}": p for name, p in self.weights.items()},
            **{f"optimiser/{key}": value for key, value in self.optimiser.state().items()},
            **{f"method/{key}": value for key, value in self.besides().items()},
            "directions": self.differentiate.draw.get_state(),
        }

    @torch.no_grad()
    def restore(self, state: State | None) -> None:
        """Go on from a ``state`` of the same training; None: from the beginning."""
        if state is None:
            return
        for name, p in self.weights.items():
            p.copy_(held(state[f"weights/{name}"], p))
        self.optimiser.restore(under("optimiser/", state))
        self.differentiate.draw.set_state(state["directions"])

    def epochs(
        self,
        steps: Callable[[int], Iterable[Parts]],
        loss: Callable[[Any], Any],
        report: Report,
        stepped: Callable[[int], None] = lambda epoch: None,
        sums: dict[str, float] | None = None,
    ) -> Iterator[tuple[int, int]]:
        """Train in place; yield (epoch, step) after each epoch, counted from 1.

        ``steps(epoch)``: the parts of each step; ``stepped(epoch)`` is called after each, when
        ``sums`` holds what its parts on all processes added to it. A restored training that stands
        at the end of an epoch yields that again: what followed from it may be lost.
        """
        sums, keeper = {} if sums is None else sums, self.how.keeper
        first = max(1, -(-self.number // self.per_epoch))
        with keeper.joined(self.how.name, self):
            for epoch in range(first, self.schedule.epochs + 1):
                self.model.train()
                done = self.number - (epoch - 1) * self.per_epoch
                for parts in islice(steps(epoch), done, None):
                    value = self._step(parts, loss, sums)
                    stepped(epoch)
                    report(self.number, self.steps, value)
                    if keeper.due():
                        keeper.save()
                self.model.eval()
                yield epoch, self.number

    def _step(self, parts: Parts, loss: Callable, sums: dict[str, float]) -> float:
        """One step of the optimiser; the loss of all its parts. ``sums`` are theirs afterwards."""

        def begin():
            sums.update(dict.fromkeys(sums, 0.0))

        draw = random.Random(f"step/{self.seed}/{self.number}/{self.team.rank}")
        torch.manual_seed(draw.getrandbits(63))
        losses = [partial(loss, part) for part in parts]
        value, kind = self.differentiate(losses, self.number, begin)
        for wrapper in self.wrappers:
            wrapper.differentiated(self.forward, parts, self.optimiser.parameters, self.team)
        turn = self.turns[self.number % len(self.turns)]
        self.optimiser.step(turn.name + kind, value, turn.rate)
        for wrapper in self.wrappers:
            wrapper.updated()
        sums.update(zip(sums, self.team.sum([*sums.values()]), strict=True))
        return value
