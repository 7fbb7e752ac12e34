"""Confidence in options and how well it is calibrated: equal bins and their errors."""

from collections.abc import Sequence
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


def calibrated(
    losses: Sequence[np.ndarray], bins: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Numbers of a set and of its items, from the losses of each item's options, [k] (nats).

    The right option comes first. ``brier``, ``confidence`` and ``accuracy`` are means over items,
    whose own values are the second result; ``ece`` and ``mce`` are those of the set.
    """
    items = _of_items([_shares(some) for some in losses])
    sorted_in = binned(items["confidence"], items["accuracy"], bins)
    numbers = {number: float(some.mean()) for number, some in items.items()}
    numbers |= {"ece": sorted_in.expected_error, "mce": sorted_in.largest_error}
    return numbers, {number: some.tolist() for number, some in items.items()}


def _shares(losses: np.ndarray) -> np.ndarray:
    """Probabilities of the options [k]; only differences of losses count, so none underflows."""
    relative = np.exp(losses.min() - losses)
    return relative / relative.sum()


def _of_items(options: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Numbers of each item, [n], from the options' probabilities, the right one first."""
    brier = [(1 - p[0]) ** 2 + (p[1:] ** 2).sum() for p in options]
    return {
        "brier": np.array(brier),
        "confidence": np.array([p.max() for p in options]),
        "accuracy": np.array([float(p[0] > p[1:].max()) for p in options]),
    }
