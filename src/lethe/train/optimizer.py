"""Optimizers, learning-rate schedule, clipping and frozen parameters, for any training."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from lethe.common.distributed import SingleProcess
from lethe.common.errors import LetheError
from lethe.model.fsdp import placed_like
from lethe.train import optimizer_settings
from lethe.train.execution import State, under
from lethe.train.lr_schedule import rate
from lethe.train.settings import Schedule

# The loss of one micro-batch, computed when called.
Loss = Callable[[], torch.Tensor]


class Optimizer:
    """An update with the schedule's learning rate; one ``step`` for each batch.

    ``choice``: which update rule (``lethe.train.optimizer_settings``), by default AdamW.
    ``optimizer_states``: names of separate states; the hybrid of two kinds of gradient has one for
    each kind.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        schedule: Schedule,
        steps_per_epoch: int,
        choice: optimizer_settings.Optimizer | None = None,
        optimizer_states: Sequence[str] = ("backpropagation",),
    ):
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.names, self.parameters = list(trained), list(trained.values())
        self.schedule = schedule
        choice = choice or optimizer_settings.AdamW()
        self.optimizer_states = {
            name: _update(choice, self.parameters, schedule) for name in optimizer_states
        }
        self.rate = rate(schedule, steps_per_epoch)
        self.number = 0

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self.rate(self.number)

    def state(self) -> State:
        """Everything but the weights that a step changes."""
        state: State = {"number": self.number}
        state |= {f"rate/{key}": value for key, value in self.rate.state().items()}
        for memory, update in self.optimizer_states.items():
            for name, p in zip(self.names, self.parameters, strict=True):
                moments = update.state.get(p, {})
                state |= {f"{memory}/{name}/{key}": value for key, value in moments.items()}
        return state

    def restore(self, state: State) -> None:
        """Resume from a ``state`` of the same model and settings."""
        self.number = state["number"]
        self.rate.restore(under("rate/", state))
        for memory, update in self.optimizer_states.items():
            for name, p in zip(self.names, self.parameters, strict=True):
                update.state[p] = {
                    key: _placed_like(value, p)
                    for key, value in under(f"{memory}/{name}/", state).items()
                }

    def step(
        self,
        memory: str = "backpropagation",
        loss: Callable[[], float] | None = None,
        share: float = 1.0,
    ) -> None:
        """Clip, update, advance the schedule, clear the gradients.

        ``loss()`` of this step, for learning rates that depend on it; ``share`` scales the
        schedule's learning rate.
        """
        if loss is not None and self.rate.needs_loss:
            self.rate.saw(loss())
        if self.schedule.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.schedule.max_grad_norm)
        update = self.optimizer_states[memory]
        for group in update.param_groups:
            group["lr"] = self.lr * share
        update.step()
        update.zero_grad(set_to_none=True)
        self.number += 1


def _placed_like(value, p: torch.nn.Parameter):
    """A value of an optimizer's state on its device, sharded as its parameter is."""
    if not isinstance(value, torch.Tensor):
        return value
    return placed_like(value, p) if value.shape == p.shape else value.to(p.device)


def _update(
    choice: optimizer_settings.Optimizer, parameters, schedule: Schedule
) -> torch.optim.Optimizer:
    settings = {"lr": schedule.lr, "weight_decay": schedule.weight_decay}
    match choice:
        case optimizer_settings.AdamW():
            return torch.optim.AdamW(parameters, **settings, fused=True)
        case optimizer_settings.SGD():
            return Compressed(parameters, **settings, compress=lambda direction: direction)
        case optimizer_settings.SignSGD():
            return Compressed(parameters, **settings, compress=torch.sign)
        case optimizer_settings.SignAdam():
            return Compressed(parameters, **settings, compress=torch.sign, adam=True)
        case optimizer_settings.NBit(bits=bits):
            return Compressed(
                parameters, **settings, compress=lambda m: quantise(m, bits), adam=True
            )
        case optimizer_settings.Sophia(curvature=curvature, clip=clip, every=every):
            return Sophia(parameters, **settings, curvature=curvature, clip=clip, every=every)


def quantise(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Each value as the nearest of 2^bits evenly spaced ones from -max|values| to max|values|.

    Q(m; N) of “Downgrade to Upgrade” [RECON].
    """
    largest = values.abs().max()
    gap = 2 * largest / (2**bits - 1)
    rounded = ((values + largest) / gap).round() * gap - largest
    return torch.where(largest > 0, rounded, values)


class Compressed(torch.optim.Optimizer):
    """theta <- (1 - lr weight_decay) theta - lr C(m): decoupled decay and a compressed direction.

    m is the gradient (signSGD) or, with ``adam``, Adam's bias-corrected m / (sqrt(v) + 1e-8)
    (signAdam, N-bit); C is ``compress`` (“Downgrade to Upgrade”, section 4 [RECON]).
    """

    def __init__(self, params, lr, weight_decay, compress, adam=False, betas=(0.9, 0.999)):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.compress, self.adam, self.betas = compress, adam, betas

    @torch.no_grad()
    def step(self) -> None:
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    direction = self._adam(p) if self.adam else p.grad
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(self.compress(direction), alpha=-group["lr"])

    def _adam(self, p: torch.Tensor) -> torch.Tensor:
        state, (one, two) = self.state[p], self.betas
        if not state:
            state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
        state["step"] += 1
        state["m"].lerp_(p.grad, 1 - one)
        state["v"].lerp_(p.grad.square(), 1 - two)
        m, v = state["m"] / (1 - one ** state["step"]), state["v"] / (1 - two ** state["step"])
        return m / (v.sqrt() + 1e-8)


class Sophia(torch.optim.Optimizer):
    """theta <- (1 - lr weight_decay) theta - lr clip(m / max(curvature h, 1e-12), +-clip).

    m and h are moving averages of the gradient g and of g^2, weights 0.035 and 0.01 of the newest;
    h moves at every ``every``-th step, the first included (Sophia, arXiv 2305.14342, Algorithm 3;
    SOUL, arXiv 2404.18239). The diagonal of the curvature is that of the empirical Fisher matrix,
    g^2, where Sophia-G samples labels for another pass, and its factor of the batch's size is part
    of ``curvature`` [RECON].
    """

    def __init__(self, params, lr, weight_decay, curvature, clip, every, betas=(0.965, 0.99)):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.curvature, self.clip, self.every, self.betas = curvature, clip, every, betas

    @torch.no_grad()
    def step(self) -> None:
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    direction = self._direction(p)
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(direction, alpha=-group["lr"])

    def _direction(self, p: torch.Tensor) -> torch.Tensor:
        state, (one, two) = self.state[p], self.betas
        if not state:
            state.update(step=0, m=torch.zeros_like(p), h=torch.zeros_like(p))
        state["m"].lerp_(p.grad, 1 - one)
        if state["step"] % self.every == 0:
            state["h"].lerp_(p.grad.square(), 1 - two)
        state["step"] += 1
        divisor = (self.curvature * state["h"]).clamp(min=1e-12)
        return (state["m"] / divisor).clamp(-self.clip, self.clip)


class Differentiator:
    """Sets the gradients of the parameters in each step, exact or estimated.

    The loss is the sum over a step's micro-batches on all processes of ``process_group``.
    """

    def __init__(
        self,
        choice: optimizer_settings.Gradient,
        parameters,
        steps: int,
        seed,
        process_group: SingleProcess | None = None,
    ):
        self.choice, self.parameters, self.steps = choice, list(parameters), steps
        self.process_group = process_group or SingleProcess()
        self.draw = torch.Generator()
        self.draw.manual_seed(random.Random(f"directions/{seed}").getrandbits(63))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of gradient that steps use; each needs its own optimizer state."""
        match self.choice:
            case optimizer_settings.Hybrid():
                return ("backpropagation", "zeroth")
        return (self.choice.name,)

    def __call__(
        self, losses: Sequence[Loss], step: int, begin: Callable[[], None] = lambda: None
    ) -> tuple[Callable[[], float], str]:
        """Set the gradient of the sum of ``losses`` at a step (from 0); return sum and kind.

        The sum is a function: a GPU is still at work, and reading a number waits for it.
        ``begin()`` is called before each evaluation of all of them.
        """
        kind = self._kind(step)
        if kind == "backpropagation":
            begin()
            values = [_backward(loss) for loss in losses]
            self.process_group.add_gradients(self.parameters)
            return lambda: self.process_group.sum([sum(v.item() for v in values)])[0], kind
        choice = self.choice

        def total() -> float:
            begin()
            return self.process_group.sum([sum(loss().item() for loss in losses)])[0]

        value = estimate(self.parameters, total, choice.radius, choice.directions, self.draw)
        return lambda: value, kind

    def _kind(self, step: int) -> str:
        if len(self.kinds) == 1:
            return self.kinds[0]
        # Counted from the end, so that training always ends with estimates.
        return self.kinds[1 - (self.steps - 1 - step) // self.choice.every % 2]


def _backward(loss: Loss) -> torch.Tensor:
    """Add the gradient of one micro-batch; returns its loss."""
    value = loss()
    value.backward()
    return value.detach()


@torch.no_grad()
def estimate(
    parameters: Sequence[torch.Tensor],
    loss: Callable[[], float],
    radius: float,
    directions: int,
    draw: torch.Generator,
) -> float:
    """Set ``grad`` of the parameters to an estimate of the loss' gradient; return the mean loss.

    Mean over directions u of (loss(theta + radius u) - loss(theta - radius u)) / (2 radius) * u, u
    uniform on the sphere of radius sqrt(dimensions), so that E[u u'] is the identity: the
    randomised gradient estimator with two points of “Downgrade to Upgrade” [RECON]. The parameters
    are restored bit by bit.
    """
    here = [p.detach().clone() for p in parameters]
    gradients = [torch.zeros_like(p) for p in parameters]
    values = []
    for _ in range(directions):
        along = _direction(here, draw)
        above, below = (_moved(parameters, here, along, by, loss) for by in (radius, -radius))
        values += [above, below]
        for gradient, u in zip(gradients, along, strict=True):
            gradient.add_(u, alpha=(above - below) / (2 * radius * directions))
    for p, start, gradient in zip(parameters, here, gradients, strict=True):
        p.copy_(start)
        p.grad = gradient
    return sum(values) / len(values)


def _direction(like: Sequence[torch.Tensor], draw: torch.Generator) -> list[torch.Tensor]:
    """A random direction as long as the square root of its dimensions."""
    normal = [torch.randn(p.shape, generator=draw, dtype=torch.float32) for p in like]
    length = torch.stack([u.square().sum() for u in normal]).sum().sqrt()
    scale = sum(u.numel() for u in normal) ** 0.5 / length
    return [(u * scale).to(p) for u, p in zip(normal, like, strict=True)]


def _moved(parameters, here, along, by: float, loss) -> float:
    for p, start, u in zip(parameters, here, along, strict=True):
        p.copy_(start).add_(u, alpha=by)
    return loss()


@contextmanager
def frozen(model: torch.nn.Module, patterns: Sequence[str]) -> Iterator[None]:
    """Freeze parameters whose names match a regular expression, within the block.

    LetheError for a pattern without a match, or if nothing is left to train.
    """
    chosen = {}
    for pattern in patterns:
        matches = {n: p for n, p in model.named_parameters() if re.search(pattern, n)}
        if not matches:
            first = next(name for name, _ in model.named_parameters())
            raise LetheError(f"frozen: no parameter matches {pattern!r}; names are like {first}")
        chosen |= {name: p for name, p in matches.items() if p.requires_grad}
    if len(chosen) == sum(p.requires_grad for p in model.parameters()):
        raise LetheError("frozen: nothing is left to train; name fewer parameters")
    for p in chosen.values():
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in chosen.values():
            p.requires_grad_(True)
