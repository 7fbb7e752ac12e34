"""The aggregate of memorisation, privacy and utility: by hand, and held to published results."""

import math

import pytest
from helpers.shared_data import shared_folder

from lethe import metrics
from lethe.common.files import read_json
from lethe.metrics.base import CheckpointValues, MetricFile

AGGREGATED = metrics.contract("aggregate").needs
NAMES = {
    "extraction_strength": "forget",
    "exact_memorization": "forget",
    "paraphrased_probability": "forget",
    "forget_truth_ratio": "geometric_share",
    "model_utility": "model_utility",
    "fluency": "forget",
}


def files(memorised, auc, useful):
    """Every metric that the aggregate reads, with one value for each kind."""
    kinds = dict.fromkeys(AGGREGATED, auc) | dict.fromkeys(NAMES, memorised)
    kinds |= {"model_utility": useful, "fluency": useful}
    return {
        name: MetricFile(name, [CheckpointValues(0, 0, {NAMES.get(name, "auc"): value})])
        for name, value in kinds.items()
    }


FULL, ORACLE = files(0.8, 1.0, 0.5), files(0.2, 0.6, 0.5)


def aggregate(run, **settings):
    return metrics.compute("aggregate", None, run, ORACLE, FULL, **settings).checkpoints[0].values


def test_the_full_model_has_forgotten_nothing():
    assert aggregate(FULL) == {"memorisation": 0, "privacy": 0, "utility": 1, "aggregate": 0}


def test_the_oracle_has_full_privacy_and_utility():
    values = aggregate(ORACLE)
    assert (values["privacy"], values["utility"]) == (1, 1)
    assert values["memorisation"] == pytest.approx(0.75)
    assert values["aggregate"] == pytest.approx(3 / (1 / 0.75 + 2))


@pytest.mark.parametrize(("auc", "ratio", "distance"), [(0.8, 0.5, 2 / 3), (0.2, 0.5, 1 / 3)])
def test_privacy_falls_on_both_sides_of_the_oracle(auc, ratio, distance):
    run = files(0.2, auc, 0.5)
    assert aggregate(run)["privacy"] == pytest.approx(ratio)
    assert aggregate(run, privacy="distance")["privacy"] == pytest.approx(distance)


def test_scores_stay_within_their_bounds():
    values = aggregate(files(0.9, 0.0, 0.9))
    assert values["memorisation"] == 0
    assert values["utility"] == 1
    assert all(0 <= value <= 1 and math.isfinite(value) for value in values.values())


# --- the absolute reading ---

ABSOLUTE = {"reading": "absolute", "privacy": "deviation"}


def test_the_absolute_reading_by_hand():
    run = files(0.4, 0.45, 0.25)
    values = aggregate(run, **ABSOLUTE)
    assert values == {
        "memorisation": pytest.approx(0.6),
        "privacy": pytest.approx(0.75),
        "utility": pytest.approx(0.5),
        "aggregate": pytest.approx(3 / (1 / 0.6 + 1 / 0.75 + 2)),
    }
    # It says nothing of the full model's memorisation, and s has a floor.
    assert aggregate(FULL, **ABSOLUTE)["memorisation"] == pytest.approx(0.2)
    assert aggregate(files(0.4, 1.0, 0.9), **ABSOLUTE)["utility"] == 1
    far = metrics.compute("aggregate", None, run, files(0.2, 0.1, 0.5), FULL, **ABSOLUTE)
    assert far.checkpoints[0].values["privacy"] == 0


# Columns of the published results, by the metric that each is one minus, or is.
LOST = {
    "extraction_strength": "one_minus_es",
    "exact_memorization": "one_minus_em",
    "paraphrased_probability": "one_minus_paraprob",
    "forget_truth_ratio": "one_minus_truth",
}
CLOSE = {
    "membership_loss": "s_loss",
    "membership_zlib": "s_zlib",
    "membership_min_k": "s_mink",
    "membership_min_k_plus_plus": "s_minkpp",
}
DEPTH = "depth"


def published():
    """The evaluated models, and the full model's utility after as many epochs, by epochs."""
    document = read_json(shared_folder("oracle", "uds") / "method_results.json")
    return document["models"], document["full_utility"]


def of_row(row, depth):
    """A row's components as metric files. Against an oracle of AUC 1, s is the AUC itself."""
    values = {metric: 1 - row[column] for metric, column in LOST.items()}
    values |= {metric: row[column] for metric, column in CLOSE.items()}
    values |= {metric: row[metric] for metric in ("model_utility", "fluency")}
    names = dict.fromkeys(CLOSE, "auc") | NAMES | {DEPTH: DEPTH}
    values |= {DEPTH: row["uds"]} if depth else {}
    return {
        metric: MetricFile(metric, [CheckpointValues(0, 0, {names[metric]: value})])
        for metric, value in values.items()
    }


def read_absolutely(row, utility, depth=True):
    # What matters of the full model is the harmonic mean of both, which is published.
    full = files(0.0, 1.0, utility[row["epoch"]])
    found = metrics.compute(
        "aggregate", None, of_row(row, depth), files(0.0, 1.0, 0.5), full, **ABSOLUTE
    )
    return found.checkpoints[0].values


def test_the_absolute_reading_of_152_models_is_the_published_one():
    rows, utility = published()
    assert len(rows) == 152
    for row in rows:
        assert read_absolutely(row, utility) == {
            "memorisation": pytest.approx(row["mem"], rel=0, abs=1e-9),
            "privacy": pytest.approx(row["privacy"], rel=0, abs=1e-9),
            "utility": pytest.approx(row["utility_rel"], rel=0, abs=1e-9),
            "aggregate": pytest.approx(row["overall"], rel=0, abs=1e-9),
        }, row["model"]


def test_without_a_depth_score_privacy_is_that_of_the_attacks():
    rows, utility = published()
    for row in rows:
        found = read_absolutely(row, utility, depth=False)["privacy"]
        assert found == pytest.approx(row["privacy_mia"], rel=0, abs=1e-9), row["model"]


def test_the_relative_reading_has_no_part_for_depth():
    row = of_row(
        {
            **dict.fromkeys([*LOST.values(), *CLOSE.values()], 0.5),
            "uds": 0.1,
            "model_utility": 0.5,
            "fluency": 0.5,
        },
        depth=True,
    )
    with_depth = aggregate(row)
    del row[DEPTH]
    assert aggregate(row) == with_depth
