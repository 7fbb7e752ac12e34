"""Progress of a long loop as lines, since several jobs share one screen and each has a log."""

import logging
import time


class Progress:
    """Report steps at most every ``every`` seconds: how far, the loss, how long still."""

    def __init__(self, label: str, every: float = 5.0):
        self.label, self.every = label, every
        self.logger = logging.getLogger("lethe.progress")
        self.start = self.last = time.monotonic()

    def __call__(self, step: int, steps: int, loss: float) -> None:
        """Called after each step; ``loss`` is that step's."""
        now = time.monotonic()
        if step < steps and now - self.last < self.every:
            return
        self.last = now
        spent = now - self.start
        left = spent / step * (steps - step)
        self.logger.info(
            "%s: step %d of %d, loss %.3f, %.0f s, about %.0f s left",
            self.label, step, steps, loss, spent, left,
        )  # fmt: skip
