"""How certain a number is: over items, over seeds, and over oracles.

``docs/statistics.md`` says what each interval covers, what it does not cover, and why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile
from lethe.metrics.forget_quality import against

LEVEL = 0.95
RESAMPLES = 5000
SIGNIFICANT = 0.05
# The 5% quantile of fewer numbers than this is just their minimum.
ENOUGH = 20
# Drawn item indices held in memory at a time.
_BLOCK = 2_000_000


def resampled_means(items: np.ndarray, name: str, resamples: int = RESAMPLES) -> np.ndarray:
    """Means of columns of values by item, [n, k], over bootstrap resamples: [resamples, k].

    Efron's bootstrap (Efron and Tibshirani 1993, chapter 6): n items drawn with replacement. One
    draw serves all columns, which are measured on the same items. The draws depend only on n and
    ``name``, the set's name: everything measured on a set is resampled in the same way, different
    sets independently.
    """
    n = len(items)
    if n == 0:
        raise LetheError(f"bootstrap of {name!r}: no items; give at least one")
    means = [counts @ items for counts in _resamples(name, n, resamples)]
    return np.concatenate(means) / n


def _resamples(name: str, n: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each of n items is in each resample: blocks [resamples, n] whose rows sum to n."""
    if n * resamples <= _BLOCK:
        yield _kept(name, n, resamples).astype(float)
        return
    random = _generator(name)
    block = max(1, _BLOCK // n)
    for start in range(0, resamples, block):
        yield _counts(random, n, min(block, resamples - start)).astype(float)


@lru_cache(maxsize=16)
def _kept(name: str, n: int, resamples: int) -> np.ndarray:
    """The resamples of a small set, which all runs share, in at most 4 MB."""
    return _counts(_generator(name), n, resamples).astype(np.uint16)


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def _counts(random: np.random.Generator, n: int, resamples: int) -> np.ndarray:
    drawn = random.integers(0, n, (resamples, n)) + n * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n)


def percentile_interval(draws: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the bootstrap percentile interval, over the first axis of ``draws``.

    Efron and Tibshirani 1993, chapter 13: the quantiles (1 - level) / 2 and (1 + level) / 2.
    """
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def utility_draws(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Harmonic means of resampled means: arrays [resamples] give an array [resamples].

    Model utility (TOFU, arXiv 2401.06121) on each resample of its items; 0 where one part is 0.
    """
    from scipy.stats import hmean

    # Means of values within [0, 1] can fall below 0 by rounding.
    return hmean(np.maximum(np.stack(parts), 0.0), axis=0)


def seed_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """An interval over seeds, made of order statistics, that covers the median over seeds.

    Conover 1999, section 3.2 (the inverted sign test), by scipy. From six seeds on its coverage is
    at least ``level``; with fewer it is the range, which covers with 1 - 2^(1 - seeds). It assumes
    no distribution, and its ends are always observed values. NaN for a single value.
    """
    from scipy.stats import quantile_test

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan"), float("nan")
    test = quantile_test(values, q=float(np.median(values)), p=0.5)
    interval = test.confidence_interval(confidence_level=level)
    if np.isnan([interval.low, interval.high]).any():
        return float(values.min()), float(values.max())
    return float(interval.low), float(interval.high)


def range_coverage(seeds: int) -> float:
    """The probability that the range of this many independent values covers their median."""
    return 1 - 2.0 ** (1 - seeds)


@dataclass(frozen=True)
class Distances:
    """Kolmogorov-Smirnov tests between truth ratios of models on the same items: [tests] each."""

    p: np.ndarray
    log10_p: np.ndarray
    ks: np.ndarray

    @property
    def rejected(self) -> float:
        """The share of tests with p below 0.05."""
        return float((self.p < SIGNIFICANT).mean())

    def position_of(self, ks: float) -> float:
        """The share of these statistics below ``ks``, ties counted half, in [0, 1]."""
        from scipy.stats import percentileofscore

        return float(percentileofscore(self.ks, ks, kind="mean")) / 100


def against_oracles(
    run: MetricFile, checkpoint: CheckpointValues, oracles: Sequence[MetricFile]
) -> Distances:
    """Forget quality of one checkpoint against each oracle, from files of ``truth_ratio``.

    LetheError if questions or settings differ.
    """
    return _distances([against(run, checkpoint, oracle) for oracle in oracles])


def oracle_pairs(oracles: Sequence[MetricFile]) -> Distances | None:
    """Forget quality of oracles against each other, each pair once: the noise floor.

    None for fewer than two oracles. Pairs share oracles, so they are not independent.
    """
    pairs = [against(one, one.checkpoints[0], other) for one, other in combinations(oracles, 2)]
    return _distances(pairs) if pairs else None


def _distances(tests: list[dict[str, float]]) -> Distances:
    keys = ("forget_quality", "log10_forget_quality", "ks_statistic")
    return Distances(*(np.array([values[key] for values in tests]) for key in keys))
