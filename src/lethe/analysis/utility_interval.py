"""The interval of model utility over items: studentised, since the percentile one is too short.

A harmonic mean of few items' means is skewed and biased downwards, so with 40 items per set a
nominal 95% percentile interval covers 89 to 94%. The bootstrap-t (Efron and Tibshirani 1993,
section 12.5) divides each resample's distance by its own standard error.
``benchmarks/interval_coverage.py`` measures both; ``docs/statistics.md`` has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lethe.analysis.statistics import LEVEL, percentile_interval, utility_draws


@dataclass(frozen=True)
class SetMoments:
    """For m metrics on the same n items: their means [..., m] and those of products [..., m, m]."""

    n: int
    means: np.ndarray
    products: np.ndarray


def utility(sets: Sequence[SetMoments]) -> np.ndarray:
    """The harmonic mean of all sets' means: [...]; 0 where one of them is 0."""
    return utility_draws([mean for one in sets for mean in np.moveaxis(one.means, -1, 0)])


def standard_error(sets: Sequence[SetMoments]) -> np.ndarray:
    """The standard error of ``utility`` by the delta method: [...]; 0 where a mean is 0."""
    whole = utility(sets)[..., None]
    count = sum(one.means.shape[-1] for one in sets)
    variance = sum(_variance(one, whole, count) for one in sets)
    return np.sqrt(np.maximum(variance, 0.0))


def _variance(one: SetMoments, whole: np.ndarray, count: int) -> np.ndarray:
    """A set's part of the variance; the harmonic mean's slope in a mean x is whole² / count x²."""
    ratio = np.divide(whole, one.means, out=np.zeros_like(one.means), where=one.means > 0)
    slope = ratio**2 / count
    covariance = one.products - one.means[..., :, None] * one.means[..., None, :]
    return np.einsum("...i,...ij,...j->...", slope, covariance, slope) / one.n


def utility_interval(
    own: Sequence[SetMoments], drawn: Sequence[SetMoments], level: float = LEVEL
) -> tuple[float, float]:
    """Low and high end within [0, 1]; ``drawn`` are the sets' moments over resamples, [R, ...].

    Where items vary too little for a standard error (all equal, or almost all 0), it is the
    percentile interval.
    """
    draws, estimate, error = utility(drawn), float(utility(own)), float(standard_error(own))
    away, errors = draws - estimate, standard_error(drawn)
    # A resample without a standard error is infinitely far away, and so an end may be, too.
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = np.divide(away, errors, out=np.zeros_like(away), where=away != 0)
        low, high = percentile_interval(studentised, level)
    if error == 0 or not np.isfinite([low, high]).all():
        low, high = percentile_interval(draws, level)
        return float(low), float(high)
    return max(0.0, estimate - high * error), min(1.0, estimate - low * error)
