"""Progress of requests: a bar on a terminal, otherwise a line now and then."""

import logging
import sys
import time
from dataclasses import dataclass

from lethe.common.progress import tells_pace


@dataclass
class Counts:
    """What has happened since the start of this run."""

    sent: int = 0
    answered: int = 0
    reused: int = 0
    retried: int = 0
    rejected: int = 0
    tokens: int = 0
    cost: float = 0.0

    def words(self) -> str:
        reused = f", {self.reused} from the journal" if self.reused else ""
        return (
            f"{self.sent} requests{reused}, {self.retried} retried, {self.rejected} rejected,"
            f" {self.tokens} tokens, cost {self.cost:.4f}"
        )


class Progress:
    """How many of ``total`` units are done, how many failed for good, and the counts."""

    def __init__(self, label: str, total: int, counts: Counts, every: float = 5.0):
        self.label, self.total, self.counts, self.every = label, total, counts, every
        self.done = self.failed = 0
        self._logger = logging.getLogger("lethe.common.progress")
        self._start = self._last = time.monotonic()
        self._bar = _bar(label, total) if sys.stderr.isatty() else None

    def step(self, failed: bool = False) -> None:
        """One more unit has ended."""
        self.failed += failed
        self.done += not failed
        if self._bar is not None and not failed:
            self._bar.update(1)
        self.refresh()

    def refresh(self) -> None:
        """Show the counts as they are now."""
        if self._bar is not None:
            self._bar.set_postfix_str(self._tail(), refresh=False)
            return
        now = time.monotonic()
        if now - self._last >= self.every:
            self._last = now
            self._logger.info("%s: %d of %d, %s%s", self.label, self.done, self.total,
                              self._tail(), self._left(now))  # fmt: skip

    def close(self) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self._tail())
            self._bar.close()
        else:
            self._logger.info("%s: %d done, %s", self.label, self.done, self._tail())

    def _tail(self) -> str:
        return f"{self.failed} failed, {self.counts.words()}"

    def _left(self, now: float) -> str:
        spent = now - self._start
        if not tells_pace(self.done, spent):
            return ""
        left = spent / self.done * (self.total - self.done)
        return f", about {left:.0f} s left"


def _bar(label: str, total: int):
    from tqdm import tqdm

    return tqdm(total=total, desc=label, unit="", dynamic_ncols=True, file=sys.stderr)
