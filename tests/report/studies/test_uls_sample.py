"""ULS and UCE: identities with retraining, and the simulation's errors."""

import numpy as np
import pytest

from lethe.common.errors import LetheError
from lethe.report.studies import uls as study
from lethe.unlearn import estimators


@pytest.fixture(scope="module")
def table():
    return study.build(repetitions=10)


@pytest.fixture(scope="module")
def linear():
    return study.drawn(study.Problem(), 0)


def together(data):
    return [np.concatenate(pair) for pair in zip(data.retain, data.forget, strict=True)]


def test_one_coefficient_by_hand():
    """theta = 2 + (1/4)/(3/4) / mean(x_r²) * (mean(x_f²) 2 - mean(x_f y_f))."""
    sample, forget, targets = np.array([[1.0], [3.0]]), np.array([[2.0]]), np.array([7.0])
    found = estimators.uls(np.array([2.0]), sample, forget, targets, 0.25)
    assert found == pytest.approx([2 + (1 / 3) / 5 * (4 * 2 - 14)])


def test_with_all_retained_rows_uls_is_the_fit_to_them(linear):
    fitted = estimators.least_squares(*together(linear))
    found = estimators.uls(fitted, linear.retain[0], *linear.forget, linear.share)
    wanted = estimators.least_squares(*linear.retain)
    assert np.abs(found - wanted).max() < 1e-8
    assert np.abs(fitted - wanted).max() > 1e-2
    # Part of the rows is not enough for that.
    part = estimators.uls(fitted, linear.retain[0][:1000], *linear.forget, linear.share)
    assert np.abs(part - wanted).max() > 1e-3


def test_with_all_retained_rows_uce_is_the_fit_to_them():
    data = study.drawn(study.Problem(logistic=True), 0)
    fitted = estimators.logistic(*together(data))
    found = estimators.uce(fitted, data.retain[0], *data.forget, data.share)
    wanted = estimators.logistic(*data.retain)
    assert np.abs(found - wanted).max() < 1e-8
    assert np.abs(fitted - wanted).max() > 1e-2


def test_logistic_regression_has_no_slope_left():
    x, y = study.drawn(study.Problem(logistic=True), 1).retain
    theta = estimators.logistic(x, y)
    p = 1 / (1 + np.exp(-(x @ theta)))
    assert np.abs(x.T @ (p - y)).max() / len(x) < 1e-9


def test_the_authors_descent_ends_near_the_solution(linear):
    fitted, sample = estimators.least_squares(*together(linear)), linear.retain[0][:500]
    exact = estimators.uls(fitted, sample, *linear.forget, linear.share)
    found, steps = estimators.uls_by_steps(fitted, sample, *linear.forget, linear.share)
    assert 10 < steps < 100_000
    assert np.linalg.norm(found - exact) < 0.01 * np.linalg.norm(exact - fitted)


def test_transfer_lies_between_the_fit_before_and_the_sample(linear):
    fitted = estimators.least_squares(*together(linear))
    x, y = (part[:100] for part in linear.retain)
    ends = [estimators.transfer(fitted, x, y, [strength]) for strength in (1e-9, 1e9)]
    np.testing.assert_allclose(ends[0], estimators.least_squares(x, y), atol=1e-6)
    np.testing.assert_allclose(ends[1], fitted, atol=1e-6)


def test_too_few_rows_are_one_line():
    with pytest.raises(LetheError, match="3 rows for 4 coefficients"):
        estimators.least_squares(np.ones((3, 4)), np.ones(3))
    apart = np.array([[-1.0], [1.0]])
    with pytest.raises(LetheError, match="a plane separates the classes"):
        estimators.logistic(apart * 50, np.array([0.0, 1.0]))


def test_uls_needs_fewer_rows_than_a_fit_to_them(table):
    means = study.means(table, "linear")
    for size in (100, 200, 500, 1000):
        assert means["uls"][size] < means["sample"][size]
        assert means["uls"][size] < means["pretrain"][size]
        assert means["uls"][size] > means["retrain"][size]
    # Below three rows a coefficient the inverse of the sample's covariance is too large.
    assert means["uls"][50] > means["sample"][50]
    assert means["uls"][2000] == pytest.approx(means["retrain"][2000], abs=1e-8)


def test_uce_needs_fewer_rows_than_a_fit_to_them(table):
    means = study.means(table, "logistic")
    for size in (200, 500, 1000):
        assert means["retrain"][size] < means["uce"][size] < means["sample"][size]
        assert means["uce"][size] < means["pretrain"][size]


def test_the_figure_has_a_line_for_each_estimator(table):
    left, right = study.draw(table).axes
    assert [len(axes.get_legend().get_texts()) for axes in (left, right)] == [5, 4]
