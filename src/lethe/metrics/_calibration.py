"""Confidence in options and how far it is right: equal bins and their errors."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bins:
    """The bins that hold an item, lowest first: arrays [m] of counts and of means over items."""

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def gaps(self) -> np.ndarray:
        """|accuracy - confidence| of each bin: [m]."""
        return np.abs(self.accuracy - self.confidence)

    @property
    def expected_error(self) -> float:
        """ECE: the mean gap, weighted by the bins' counts."""
        return float((self.count * self.gaps).sum() / self.count.sum())

    @property
    def largest_error(self) -> float:
        """MCE: the largest gap."""
        return float(self.gaps.max())


def binned(confidence: np.ndarray, correct: np.ndarray, bins: int) -> Bins:
    """Sort items by confidence [n] into equal bins over [0, 1]; ``correct`` [n] is 0 or 1.

    A bin holds its lower end but not its upper one; the last holds 1 as well.
    """
    edges = np.arange(1, bins) / bins
    place = np.searchsorted(edges, confidence, side="right")
    count = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, weights=some, minlength=bins) for some in (confidence, correct))
    held = count > 0
    means = [total[held] / count[held] for total in sums]
    return Bins(count[held], *means)
