"""Progress of a long loop as lines: several jobs share one screen, and each has a log."""

import logging
import time


def silent(step: int, steps: int, loss: float | None = None) -> None:
    """A progress callback that reports nothing."""


class Progress:
    """Report steps at most every ``every`` seconds: step, loss if there is one, and time left."""

    def __init__(self, label: str, every: float = 5.0):
        self.label, self.every = label, every
        self.logger = logging.getLogger("lethe.common.progress")
        self.start = self.last = time.monotonic()
        # Step and time of the first report: a resumed training begins in the middle.
        self.first: tuple[int, float] | None = None

    def __call__(self, step: int, steps: int, loss: float | None = None) -> None:
        """Called after each step, with its loss if there is one."""
        now = time.monotonic()
        first, then = self.first = self.first or (step, now)
        if step < steps and now - self.last < self.every:
            return
        self.last = now
        spent = now - self.start
        pace = (now - then) / (step - first) if step > first else spent / step
        left = pace * (steps - step)
        of_loss = "" if loss is None else f" loss {loss:.3f},"
        self.logger.info(
            "%s: step %d of %d,%s %.0f s, about %.0f s left",
            self.label, step, steps, of_loss, spent, left,
        )  # fmt: skip
