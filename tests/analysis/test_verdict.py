"""The judgement of claims, on values whose verdict is known by hand."""

import pytest

from lethe.analysis.claims.verdict import (
    EXACT,
    FAILS,
    FIXED,
    HOLDS,
    PAIRED,
    UNDECIDED,
    Criterion,
    judge,
)
from lethe.common.errors import LetheError

ABOVE, AT_LEAST = Criterion(">", 0.0), Criterion("≥", 0.0)
BELOW, AT_MOST = Criterion("<", 0.0), Criterion("≤", 0.0)
SAME = Criterion("=", 0.5, margin=0.125)


def verdict(criterion, values) -> str:
    return judge(criterion, values).verdict


@pytest.mark.parametrize(
    ("criterion", "values", "expected"),
    [
        # All on the claimed side; all on the other; one of five on the other.
        (ABOVE, [0.1, 0.2, 0.3, 0.4, 0.001], HOLDS),
        (ABOVE, [-0.1, -0.2, -0.3, -0.4, -0.001], FAILS),
        (ABOVE, [0.1, 0.2, 0.3, 0.4, -0.001], UNDECIDED),
        (BELOW, [-0.1, -0.2, -0.3, -0.4, -0.001], HOLDS),
        (BELOW, [0.1, 0.2, 0.3, 0.4, 0.001], FAILS),
        (BELOW, [-0.1, -0.2, -0.3, -0.4, 0.001], UNDECIDED),
        # A value on the bound of a strict relation is on neither side.
        (ABOVE, [0.1, 0.2, 0.3, 0.4, 0.0], UNDECIDED),
        (ABOVE, [-0.1, -0.2, -0.3, -0.4, 0.0], UNDECIDED),
        (ABOVE, [0.0] * 5, UNDECIDED),
        (BELOW, [0.0] * 5, UNDECIDED),
        # Of "at least" and "at most" the bound is on the claimed side.
        (AT_LEAST, [0.1, 0.2, 0.3, 0.4, 0.0], HOLDS),
        (AT_LEAST, [-0.1, -0.2, -0.3, -0.4, 0.0], UNDECIDED),
        (AT_LEAST, [-0.1, -0.2, -0.3, -0.4, -0.001], FAILS),
        (AT_MOST, [-0.1, -0.2, -0.3, -0.4, 0.0], HOLDS),
        (AT_MOST, [0.1, 0.2, 0.3, 0.4, 0.0], UNDECIDED),
        (AT_MOST, [0.1, 0.2, 0.3, 0.4, 0.001], FAILS),
    ],
)
def test_five_differences_against_a_bound(criterion, values, expected):
    assert criterion.kind == PAIRED
    assert verdict(criterion, values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.4, 0.45, 0.5, 0.55, 0.6], HOLDS),
        # The margin itself is within: 0.5 ± 0.125.
        ([0.375, 0.45, 0.5, 0.55, 0.625], HOLDS),
        ([0.37, 0.45, 0.5, 0.55, 0.6], UNDECIDED),
        ([0.4, 0.45, 0.5, 0.55, 0.63], UNDECIDED),
        ([0.63, 0.7, 0.7, 0.8, 0.9], FAILS),
        ([0.1, 0.1, 0.2, 0.3, 0.37], FAILS),
        # One value on the edge of the margin keeps the range from being wholly outside.
        ([0.1, 0.1, 0.2, 0.3, 0.375], UNDECIDED),
        # No value is within, but the range is not outside: it covers the margin.
        ([0.1, 0.2, 0.3, 0.7, 0.8], UNDECIDED),
    ],
)
def test_equality_within_a_margin(values, expected):
    assert verdict(SAME, values) == expected


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
@pytest.mark.parametrize("criterion", [ABOVE, AT_LEAST, BELOW, AT_MOST, SAME])
@pytest.mark.parametrize("value", [-9.0, 0.0, 0.5, 9.0])
def test_fewer_than_five_seeds_decide_no_difference(seeds, criterion, value):
    assert verdict(criterion, [value] * seeds) == UNDECIDED


def test_more_than_five_seeds_must_agree_as_well():
    assert verdict(ABOVE, [0.1] * 8) == HOLDS
    assert verdict(ABOVE, [0.1] * 7 + [-0.1]) == UNDECIDED


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.81], HOLDS),
        ([0.79], FAILS),
        ([0.8], UNDECIDED),
        ([0.81, 0.79], UNDECIDED),
        ([0.79, 0.1], FAILS),
    ],
)
def test_one_seed_decides_a_fixed_bound(values, expected):
    assert verdict(Criterion(">", 0.8, kind=FIXED), values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0], HOLDS), ([1e-12], FAILS), ([0.0, 0.0, 1e-9], FAILS), ([0.0] * 5, HOLDS)],
)
def test_one_violation_disproves_an_exact_property(values, expected):
    assert verdict(Criterion("<", 1e-12, kind=EXACT), values) == expected


def test_the_range_and_how_often_it_covers_the_median():
    judgement = judge(ABOVE, [0.3, 0.1, 0.5, 0.2, 0.4])
    assert (judgement.low, judgement.high, judgement.seeds) == (0.1, 0.5, 5)
    assert judgement.coverage == 1 - 2 * 0.5**5 == 0.9375
    assert [judge(ABOVE, [1.0] * n).coverage for n in (1, 2, 3, 4)] == [0, 0.5, 0.75, 0.875]


def test_a_criterion_in_words():
    assert ABOVE.words() == "> 0"
    assert SAME.words() == "= 0.5 ± 0.125"


@pytest.mark.parametrize(
    "wrong",
    [
        {"relation": "~"},
        {"kind": "guess"},
        {"relation": "="},
        {"relation": ">", "margin": 0.1},
    ],
)
def test_a_criterion_without_meaning_is_refused(wrong):
    with pytest.raises(LetheError, match=r"^claim: "):
        Criterion(**wrong)


def test_no_value_is_no_verdict():
    with pytest.raises(LetheError, match="no seed"):
        judge(ABOVE, [])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_no_verdict(value):
    with pytest.raises(LetheError, match="not a finite number"):
        judge(ABOVE, [0.1, 0.2, value, 0.3, 0.4])
