"""How well scores rank one kind of item above another: areas under ROC and precision-recall."""

from collections.abc import Sequence

import numpy as np


def roc_auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Share of pairs in which the positive scores higher than the negative, ties half."""
    pos, neg = np.asarray(positives, dtype=float), np.sort(np.asarray(negatives, dtype=float))
    below = np.searchsorted(neg, pos, side="left")
    not_above = np.searchsorted(neg, pos, side="right")
    return float((below + not_above).sum() / (2 * len(pos) * len(neg)))


def average_precision(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Area under precision and recall: sum of (R_n - R_{n-1}) P_n, highest threshold first.

    Equal scores pass a threshold together; nothing is interpolated. Scores without information give
    the base rate, the share of positives.
    """
    pos, neg = (np.sort(np.asarray(some, dtype=float)) for some in (positives, negatives))
    thresholds = np.unique(pos)[::-1]
    hits = len(pos) - np.searchsorted(pos, thresholds, side="left")
    alarms = len(neg) - np.searchsorted(neg, thresholds, side="left")
    gained = np.diff(hits, prepend=0) / len(pos)
    return float((gained * hits / (hits + alarms)).sum())


def youden(low: Sequence[float], high: Sequence[float]) -> tuple[float, float]:
    """The threshold that best separates ``low`` from ``high`` values, and Youden's J there.

    J = share of ``low`` at or below it, less the share of ``high``. Of equally good thresholds the
    lowest is taken, halfway between its neighbouring values. J is 1 where the two kinds are apart,
    near 0 where they cannot be told apart.
    """
    below, above = (np.sort(np.asarray(some, dtype=float)) for some in (low, high))
    thresholds = np.unique(below)
    hits = np.searchsorted(below, thresholds, side="right") / len(below)
    alarms = np.searchsorted(above, thresholds, side="right") / len(above)
    best = int(np.argmax(hits - alarms))
    everything = np.union1d(below, above)
    following = everything[everything > thresholds[best]]
    end = following[0] if len(following) else thresholds[best]
    return float((thresholds[best] + end) / 2), float(hits[best] - alarms[best])
