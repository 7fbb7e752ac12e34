"""Progress of a long loop as lines: several jobs share one screen, and each has a log."""

import logging
import time

# The pace of fewer steps, or of less time, says little about the rest: the first steps are slow.
FEWEST_STEPS, LEAST_SECONDS = 3, 10.0


def tells_pace(steps: int, seconds: float) -> bool:
    """Whether the steps and seconds so far are enough for an estimate of the time left."""
    return steps >= FEWEST_STEPS and seconds >= LEAST_SECONDS


def silent(step: int, steps: int, loss: float | None = None) -> None:
    """A progress callback that reports nothing."""


class Progress:
    """Report steps at most every ``every`` seconds: step, loss if there is one, and time left.

    There is no estimate of the time left before it means something (``tells_pace``).
    """

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
        of_loss = "" if loss is None else f" loss {loss:.3f},"
        measured, seconds = step - first, now - then
        left = ""
        if step < steps and tells_pace(measured, seconds):
            left = f", about {seconds / measured * (steps - step):.0f} s left"
        self.logger.info(
            "%s: step %d of %d,%s %.0f s%s",
            self.label, step, steps, of_loss, now - self.start, left,
        )  # fmt: skip
