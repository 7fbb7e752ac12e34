"""Bootstrap intervals over items and intervals over seeds: coverage, and slow direct versions."""

import math

import numpy as np
import pytest
from scipy.stats import beta, binom, bootstrap, hmean

from lethe.analysis import statistics
from lethe.analysis.statistics import (
    LEVEL,
    percentile_interval,
    range_coverage,
    resampled_means,
    seed_interval,
    utility_draws,
)
from lethe.common.errors import LetheError


def item_interval(items):
    low, high = percentile_interval(resampled_means(np.array(items)[:, None], "forget")[:, 0])
    return low, high


def covered(intervals, truth) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


# Values in [0, 1] as metrics have them: even, near one end, and right or wrong.
SHAPES = {
    "even": lambda random, n: random.beta(2, 2, n),
    "high": lambda random, n: random.beta(9, 1, n),
    "right or wrong": lambda random, n: random.binomial(1, 0.7, n).astype(float),
}
MEANS = {"even": 0.5, "high": 0.9, "right or wrong": 0.7}


@pytest.mark.parametrize("shape", SHAPES)
def test_item_interval_covers_the_mean(shape):
    random = np.random.default_rng(1)
    trials = 400
    # All trials are columns: the same resamples, but of independent items.
    items = np.column_stack([SHAPES[shape](random, 100) for _ in range(trials)])
    low, high = percentile_interval(resampled_means(items, "forget", 1000))
    hits = int(covered(zip(low, high, strict=True), MEANS[shape]) * trials)
    # A true coverage of 92 to 97%: the percentile interval's, for a hundred items.
    assert binom.ppf(1e-4, trials, 0.92) <= hits <= binom.ppf(1 - 1e-4, trials, 0.97)


def test_item_interval_is_scipys():
    items = np.random.default_rng(2).beta(2, 5, 150)
    low, high = item_interval(items)
    theirs = bootstrap(
        (items,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    )
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.04 * width)
    draws = resampled_means(items[:, None], "forget")
    assert draws.std() == pytest.approx(theirs.standard_error, rel=0.05)


def test_item_interval_of_equal_items_is_a_point():
    assert item_interval([0.25] * 12) == (0.25, 0.25)
    assert item_interval([0.7]) == (0.7, 0.7)


def test_no_items():
    with pytest.raises(LetheError, match="'retain': no items"):
        resampled_means(np.empty((0, 3)), "retain")


def test_draws_follow_from_name_and_number_alone():
    random = np.random.default_rng(3)
    items = random.uniform(size=(50, 2))
    both = resampled_means(items, "retain", 300)
    np.testing.assert_array_equal(both, resampled_means(items, "retain", 300))
    # Not only since they are kept: another process draws the same.
    statistics._kept.cache_clear()
    np.testing.assert_array_equal(both, resampled_means(items, "retain", 300))
    # Columns are resampled alike, alone or beside others: what is equal stays equal.
    np.testing.assert_allclose(both[:, :1], resampled_means(items[:, :1], "retain", 300))
    other = resampled_means(items, "forget", 300)
    assert abs(np.corrcoef(both[:, 0], other[:, 0])[0, 1]) < 0.2


def test_many_items_are_drawn_in_blocks(monkeypatch):
    """However many fit into memory at a time, all resamples are there and none twice."""
    items = np.random.default_rng(4).uniform(size=(40, 1))
    monkeypatch.setattr("lethe.analysis.statistics._BLOCK", 40 * 7)
    draws = resampled_means(items, "forget", 100)
    assert draws.shape == (100, 1)
    assert len(np.unique(draws)) > 95
    assert draws.mean() == pytest.approx(items.mean(), abs=0.03)


def test_utility_interval_is_that_of_a_direct_computation():
    """Item by item and resample by resample, with draws of its own."""
    random = np.random.default_rng(5)
    sizes = {"retain": 60, "real_authors": 40, "world_facts": 50}
    levels = {"retain": 0.8, "real_authors": 0.5, "world_facts": 0.3}
    # The three metrics of a set are alike on an item, which widens the interval.
    tables = {
        name: np.clip(
            random.beta(4 * levels[name], 4 - 4 * levels[name], (n, 1)) * [1, 0.9, 0.8], 0, 1
        )
        for name, n in sizes.items()
    }
    draws = [resampled_means(table, name) for name, table in tables.items()]
    low, high = percentile_interval(utility_draws([column for d in draws for column in d.T]))
    direct = np.random.default_rng(6)
    slow = []
    for _ in range(4000):
        means = []
        for table in tables.values():
            rows = direct.integers(0, len(table), len(table))
            means += [sum(table[row, m] for row in rows) / len(rows) for m in range(3)]
        slow.append(len(means) / sum(1 / mean for mean in means))
    width = np.quantile(slow, 0.975) - np.quantile(slow, 0.025)
    assert low == pytest.approx(np.quantile(slow, 0.025), abs=0.05 * width)
    assert high == pytest.approx(np.quantile(slow, 0.975), abs=0.05 * width)
    # Were metrics resampled apart, the interval would be too narrow.
    apart = [
        resampled_means(table[:, [m]], f"{name}{m}")[:, 0]
        for name, table in tables.items()
        for m in range(3)
    ]
    narrow_low, narrow_high = percentile_interval(utility_draws(apart))
    assert narrow_high - narrow_low < 0.75 * width
    assert hmean([t[:, m].mean() for t in tables.values() for m in range(3)]) == pytest.approx(
        np.mean(slow), rel=0.02
    )


def test_utility_without_one_part_is_zero():
    draws = utility_draws([np.array([0.5, 0.5]), np.array([0.0, 0.25])])
    assert draws.tolist() == [0.0, pytest.approx(1 / 3)]


# --- seeds ---


def test_one_seed_has_no_interval():
    assert all(math.isnan(end) for end in seed_interval([0.3]))


def test_few_seeds_have_their_range():
    assert seed_interval([0.3, 0.1]) == (0.1, 0.3)
    assert seed_interval([0.3, 0.1, 0.2, 0.7, 0.05]) == (0.05, 0.7)
    assert [range_coverage(n) for n in (2, 3, 4, 5)] == [0.5, 0.75, 0.875, 0.9375]


@pytest.mark.parametrize(("seeds", "rank"), [(6, 1), (8, 1), (9, 2), (12, 3), (20, 6)])
def test_many_seeds_have_order_statistics(seeds, rank):
    """The rank as in tables of the sign test."""
    values = np.random.default_rng(7).permutation(seeds) / 10
    assert seed_interval(values) == ((rank - 1) / 10, (seeds - rank) / 10)


@pytest.mark.parametrize("seeds", [2, 3, 5, 6, 10])
def test_seed_interval_covers_the_median(seeds):
    random = np.random.default_rng(8)
    trials = 500
    # As skewed as p-values are.
    found = [seed_interval(random.beta(0.5, 3, seeds)) for _ in range(trials)]
    hits = int(covered(found, beta(0.5, 3).median()) * trials)
    if seeds < 6:
        assert abs(hits - trials * range_coverage(seeds)) < 4 * math.sqrt(trials) / 2
    else:
        assert hits >= binom.ppf(1e-4, trials, LEVEL)


def test_seed_interval_never_leaves_what_the_values_can_be():
    low, high = seed_interval([0.0, 0.0, 1.0])
    assert (low, high) == (0.0, 1.0)


# --- ties ---


def test_p_of_samples_with_ties_is_conservative():
    """Of rounded values, p is too large: the test rejects less often than its level."""
    from scipy.stats import ks_2samp

    random, level, trials = np.random.default_rng(9), 0.1, 600
    rejected = {"rounded": 0, "exact": 0}
    for _ in range(trials):
        one, two = random.uniform(size=(2, 40))
        rejected["exact"] += ks_2samp(one, two).pvalue < level
        rounded = (np.round(sample * 3) for sample in (one, two))
        rejected["rounded"] += ks_2samp(*rounded).pvalue < level
    assert rejected["rounded"] < 0.75 * rejected["exact"]
    assert rejected["rounded"] <= level * trials
