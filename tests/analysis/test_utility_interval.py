"""The studentised interval of model utility: coverage, its standard error, and its limits."""

import numpy as np
import pytest
from scipy.stats import binom, hmean

from lethe.analysis.statistics import percentile_interval, resampled_means
from lethe.analysis.utility_interval import (
    SetMoments,
    standard_error,
    utility,
    utility_interval,
)

# Of one set: probability, ROUGE and truth ratio as far apart as the small world has them.
MEANS = np.array([0.9, 0.9, 0.12])


def moments(items):
    """Moments of items [..., n, m]."""
    products = items[..., :, None] * items[..., None, :]
    return SetMoments(items.shape[-2], items.mean(axis=-2), products.mean(axis=-3))


def resampled(items, resamples, name="retain"):
    """The same over the resamples of items [n, m]."""
    n, m = items.shape
    products = (items[:, :, None] * items[:, None, :]).reshape(n, -1)
    means = resampled_means(items, name, resamples)
    drawn = resampled_means(products, name, resamples)
    return SetMoments(n, means, drawn.reshape(-1, m, m))


# Of three sets, of a model that has lost most.
LOW = {
    "retain": np.array([0.1, 0.3, 0.1]),
    "real_authors": np.array([0.3, 0.2, 0.3]),
    "world_facts": np.array([0.3, 0.3, 0.4]),
}


def test_it_covers_where_the_percentile_interval_is_too_short():
    random, trials, hits = np.random.default_rng(1), 300, {"studentised": 0, "percentile": 0}
    truth = hmean(np.concatenate(list(LOW.values())))
    for _ in range(trials):
        sets = {
            name: random.beta(1.5 * means, 1.5 * (1 - means), (40, 3))
            for name, means in LOW.items()
        }
        drawn = [resampled(items, 400, name) for name, items in sets.items()]
        intervals = {
            "studentised": utility_interval([moments(items) for items in sets.values()], drawn),
            "percentile": percentile_interval(utility(drawn)),
        }
        for name, (low, high) in intervals.items():
            hits[name] += bool(low <= truth <= high)
    assert binom.ppf(1e-4, trials, 0.93) <= hits["studentised"] <= binom.ppf(1 - 1e-4, trials, 0.96)
    assert hits["percentile"] < binom.ppf(0.1, trials, 0.93)


def test_the_standard_error_is_the_spread_over_samples():
    random = np.random.default_rng(2)
    samples = random.beta(1.5 * MEANS, 1.5 * (1 - MEANS), (4000, 150, 3))
    expected = utility([moments(samples)]).std()
    assert np.median(standard_error([moments(samples)])) == pytest.approx(expected, rel=0.1)


def test_sets_add_up_and_what_is_alike_within_one_counts():
    values = np.random.default_rng(3).uniform(0.2, 0.9, (50, 1))
    apart = [moments(values), moments(values[::-1].copy())]
    together = [moments(np.hstack([values, values]))]
    assert utility(apart) == pytest.approx(utility(together))
    # Two independent halves of a mean have half the variance of one.
    assert standard_error(together) == pytest.approx(np.sqrt(2) * standard_error(apart))


@pytest.mark.parametrize("column", [np.zeros(30), np.eye(30)[0]])
def test_without_a_standard_error_it_is_the_percentile_interval(column):
    items = np.column_stack([np.linspace(0.1, 0.9, 30), np.linspace(0.3, 0.8, 30), column])
    drawn = resampled(items, 500)
    expected = percentile_interval(utility([drawn]))
    assert utility_interval([moments(items)], [drawn]) == pytest.approx(expected)


def test_equal_items_are_a_point_and_ends_stay_within_bounds():
    equal = np.full((20, 3), 0.4)
    assert utility_interval([moments(equal)], [resampled(equal, 200)]) == pytest.approx((0.4, 0.4))
    high = np.column_stack([np.r_[np.ones(11), 0.6]] * 3)
    low, top = utility_interval([moments(high)], [resampled(high, 500)])
    assert 0 <= low < top <= 1
