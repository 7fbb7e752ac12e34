"""UQS: the published results of 36 models anew, and small cases by hand."""

import math

import numpy as np
import pytest
from helpers.uqs_results import (
    GROUPS,
    METHODS,
    MODELS,
    NAMES,
    SPEARMAN,
    STABILITY,
    TAU,
    TAU_P,
    UQS,
    WEIGHTS,
)

from lethe.analysis.quality_score import (
    COMPONENTS,
    READINGS,
    agreement,
    reliabilities,
    score,
    stability,
    training_rows,
)

DISTANCES = [model["distance"] for model in MODELS]
MEANS = {
    method: {name: float(np.mean([group[k][name] for group in GROUPS])) for name in NAMES}
    for k, method in enumerate(METHODS)
}


def test_the_published_agreement():
    assert len(MODELS) == 36
    made = agreement(GROUPS, in_order=True)
    assert {pair: one.tau for pair, one in made.items()} == pytest.approx(TAU, abs=1e-12)
    assert {pair: made[pair].p for pair in TAU_P} == pytest.approx(TAU_P, rel=1e-9)
    assert {one.groups for one in made.values()} == {9}


def test_the_published_reliability_and_weights():
    made = reliabilities(MODELS, DISTANCES, in_folds=False)
    assert {name: one.rho for name, one in made.items()} == pytest.approx(
        {name: rho for name, (rho, _) in SPEARMAN.items()}, abs=1e-12
    )
    assert {name: one.p for name, one in made.items()} == pytest.approx(
        {name: p for name, (_, p) in SPEARMAN.items()}, rel=1e-9
    )
    assert {name: one.weight for name, one in made.items()} == pytest.approx(WEIGHTS, abs=1e-12)
    folded = reliabilities(MODELS, DISTANCES)
    assert {name: one.rho for name, one in folded.items()} == pytest.approx(
        {name: one.rho for name, one in made.items()}
    )
    # The code means them to be over folds, which changes them in the third digit.
    assert 1e-4 < abs(folded["RA"].weight - WEIGHTS["RA"]) < 5e-3


def test_the_published_scores_are_by_the_reciprocal_reading():
    by = {method: score(model, WEIGHTS, "reciprocal") for method, model in MEANS.items()}
    assert by == pytest.approx(UQS, abs=5e-5)
    other = {method: score(model, WEIGHTS, "exponential") for method, model in MEANS.items()}
    assert other != pytest.approx(UQS, abs=5e-5)


def test_the_published_stability():
    made = stability(list(MEANS.values()), WEIGHTS, "reciprocal")
    assert (made.mean, made.deviation) == pytest.approx(STABILITY, abs=1e-12)
    assert made.trials == 100
    assert stability(list(MEANS.values()), WEIGHTS, "exponential") != made


def test_ties_rank_for_neither_side_unless_in_order():
    equal = {"FA": 0.0, "RA": 0.5, "MIA": 0.5, "AD": 1.0, "JS": 0.1}
    group = [equal, {**equal, "AD": 2.0, "JS": 0.2}, {**equal, "AD": 3.0, "JS": 0.3}]
    made = agreement([group])
    assert made["AD", "JS"].tau == 1
    assert made["FA", "RA"].groups == 0
    assert math.isnan(made["FA", "RA"].tau)
    assert agreement([group], in_order=True)["FA", "RA"].tau == 1


def test_both_readings_by_hand():
    assert READINGS["reciprocal"](3) == 0.25
    assert READINGS["exponential"](100) == pytest.approx(math.exp(-1))
    model = {"FA": 0.2, "RA": 0.6, "MIA": 0.5, "AD": 3.0, "JS": 2.0}
    equal = dict.fromkeys(COMPONENTS, 0.2)
    assert score(model, equal, "reciprocal") == pytest.approx(0.2 * (0.8 + 0.6 + 0.5 + 0.25 + 0))


def test_folds_are_disjoint_and_cover_all():
    for count in (4, 9, 36):
        parts = training_rows(count)
        left_out = [set(range(count)) - set(rows.tolist()) for rows in parts]
        assert sorted(row for rows in left_out for row in rows) == list(range(count))
        assert len(parts) == {4: 2, 9: 2, 36: 5}[count]


def test_a_constant_metric_has_the_least_weight():
    models = [{**model, "RA": 0.5} for model in MODELS]
    made = reliabilities(models, DISTANCES)
    assert math.isnan(made["RA"].rho)
    assert made["RA"].weight == made["FA"].weight
