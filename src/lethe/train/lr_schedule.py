"""Learning-rate schedules, step by step."""

import logging
import math

from lethe.common.errors import LetheError
from lethe.train import settings

logger = logging.getLogger("lethe.common.progress")


class Linear:
    """Up from 0 over the warm-up, then down to 0."""

    # Whether ``saw`` must be called before a step's learning rate is read.
    needs_loss = False

    def __init__(self, schedule: settings.Schedule, warmup: int, total: int):
        self.peak, self.warmup, self.total = schedule.lr, warmup, total

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.peak * step / self.warmup
        left = (self.total - step) / max(1, self.total - self.warmup)
        return self.peak * max(0.0, left)

    def saw(self, loss: float) -> None:
        """Called with the loss of each step, before its learning rate is read."""

    def state(self) -> dict[str, float]:
        """What later learning rates depend on."""
        return {}

    def restore(self, state: dict[str, float]) -> None:
        """Resume from a ``state``."""


class Constant(Linear):
    """Up from 0 over the warm-up, if there is one, then constant."""

    def __init__(self, schedule: settings.Schedule, warmup: int, total: int):
        super().__init__(schedule, warmup if schedule.warmup_epochs else 0, total)

    def __call__(self, step: int) -> float:
        return self.peak * (min(1.0, step / self.warmup) if self.warmup else 1.0)


class Cosine(Constant):
    """Up from 0 over the warm-up, if there is one, then down to 0 along half a cosine."""

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return super().__call__(step)
        gone = (step - self.warmup) / max(1, self.total - self.warmup)
        return self.peak * (1 + math.cos(math.pi * min(1.0, gone))) / 2


class Finch(Linear):
    """min(kappa / sqrt(mean loss + eps), largest); kappa = lr sqrt(first loss), or lr (FINCH).

    The mean is a moving one: memory * mean + (1 - memory) * loss, starting at the first loss; how
    kappa follows from lr is reconstructed, in two ways (arXiv 2605.20005 [RECON]). A warm-up, if
    any, scales the rate.
    """

    needs_loss = True

    def __init__(self, schedule: settings.Schedule, warmup: int, total: int):
        super().__init__(schedule, warmup if schedule.warmup_epochs else 0, total)
        self.choice: settings.Finch = schedule.lr_schedule
        self.first: float | None = None
        self.mean = 0.0

    def __call__(self, step: int) -> float:
        share = min(1.0, step / self.warmup) if self.warmup else 1.0
        if self.first is None:
            return share * min(self.peak, self.choice.largest)
        kappa = self.peak * (self.first**0.5 if self.choice.kappa == "scaled" else 1.0)
        # A negative mean loss is treated as 0.
        bound = kappa / (max(self.mean, 0.0) + self.choice.eps) ** 0.5
        return share * min(bound, self.choice.largest)

    def saw(self, loss: float) -> None:
        if self.first is not None:
            self.mean = self.choice.memory * self.mean + (1 - self.choice.memory) * loss
            return
        if loss <= 0:
            raise LetheError(
                f"rate.finch: the loss begins at {loss:.3g}; this rate needs one above 0: choose "
                "another rate, or a method that descends"
            )
        self.first = self.mean = loss

    def state(self) -> dict[str, float]:
        return {} if self.first is None else {"first": self.first, "mean": self.mean}

    def restore(self, state: dict[str, float]) -> None:
        self.first, self.mean = state.get("first"), state.get("mean", 0.0)


KINDS = {"linear": Linear, "constant": Constant, "cosine": Cosine, "finch": Finch}


def rate(schedule: settings.Schedule, steps_per_epoch: int) -> Linear:
    """The learning-rate schedule that the settings choose."""
    total = steps_per_epoch * schedule.epochs
    warmup = min(total, max(1, round(schedule.warmup_epochs * steps_per_epoch)))
    made = KINDS[schedule.lr_schedule.name](schedule, warmup, total)
    if total == 1 and made(0) == 0:
        logger.warning(
            "one step changes nothing, since its learning rate is 0; ask for more epochs"
        )
    return made
