"""The tables of UQS from tidy scores: which runs count, and what is said without other oracles."""

import math

import pandas as pd
import pytest

from lethe.analysis.quality_score import (
    COMPONENTS,
    DISTANCE,
    METRIC,
    READINGS,
    VALUES,
    agreement,
    reliabilities,
    score,
)
from lethe.analysis.scores import COLUMNS
from lethe.report import tables
from lethe.report.tables import metric_agreement, metric_reliability, quality_score
from lethe.report.tables.base import TableData

METHODS, SEEDS, SPLITS = ["npo", "idk", "grad_ascent"], [0, 1], ["forget10", "forget05"]
RUNS = [*METHODS, "full", "retain"]


def components(run: str, split: str, seed: int) -> dict[str, float]:
    """Numbers that differ everywhere; closer to the oracle the later a method stands."""
    place = RUNS.index(run) + 0.1 * SPLITS.index(split) + 0.03 * seed
    return {
        "FA": 0.9 - 0.15 * place,
        "RA": 0.5 + 0.05 * place,
        "MIA": 0.3 + 0.1 * ((place * 0.37) % 1),
        "AD": 5 - place,
        "JS": 0.1 * ((place * 0.71) % 1),
    }


def distance(run: str, split: str, seed: int) -> float:
    return 3 - 0.5 * RUNS.index(run) + 0.01 * seed


def data(oracle_seeds=()) -> TableData:
    rows = []
    for split in SPLITS:
        runs = [(run, seed) for run in ("full", "retain", *METHODS) for seed in SEEDS]
        for run, seed in [*runs, *(("retain", seed) for seed in oracle_seeds)]:
            values = {VALUES[k]: v for k, v in components(run, split, min(seed, 1)).items()}
            apart = 0.7 if seed in oracle_seeds else distance(run, split, seed)
            values[DISTANCE] = 0.0 if run == "retain" and seed in SEEDS else apart
            # Only the last epoch of a run counts.
            epochs = (1, 2) if run in METHODS else (0,)
            for epoch in epochs:
                rows += [
                    ("tiny", split, run, seed, epoch, epoch, METRIC, name, value + 9 * (epoch == 1))
                    for name, value in values.items()
                ]
    return TableData(METHODS, SEEDS, pd.DataFrame(rows, columns=COLUMNS))


MODELS = [components(run, split, seed) for split in SPLITS for run in METHODS for seed in SEEDS]
DISTANCES = [distance(run, split, seed) for split in SPLITS for run in METHODS for seed in SEEDS]


def test_agreement_is_over_methods_of_each_split_and_seed():
    table = metric_agreement.build(data())
    groups = [
        [components(run, split, seed) for run in METHODS] for split in SPLITS for seed in SEEDS
    ]
    wanted = agreement(groups)
    assert len(table) == len(wanted) == 10
    for row in table.to_dict("records"):
        one = wanted[row["left"], row["right"]]
        assert (row["tau_b"], row["rankings"]) == (pytest.approx(one.tau), 4)
    text = metric_agreement.markdown(table)
    assert text.count("| tiny") == len(COMPONENTS)


def test_reliability_is_over_the_methods_of_all_splits_and_seeds():
    table = metric_reliability.build(data())
    wanted = reliabilities(MODELS, DISTANCES)
    for row in table.to_dict("records"):
        assert row["rho"] == pytest.approx(wanted[row["metric"]].rho)
        assert row["models"] == 12
    assert table["weight"].sum() == pytest.approx(1)
    assert table["rho"].iloc[0] > 0.8
    assert math.isnan(table["oracle_distance"].iloc[0])
    assert "add oracle_seeds" in metric_reliability.markdown(table)


def test_the_distance_between_oracles_stands_beside_it():
    table = metric_reliability.build(data(oracle_seeds=(1000, 1001)))
    assert table["oracle_distance"].iloc[0] == pytest.approx(0.7)
    assert table["oracle_pairs"].iloc[0] == 4
    assert "oracles of different seeds: 0.700" in metric_reliability.markdown(table)


def test_every_run_has_its_score_in_both_readings():
    table = quality_score.build(data(oracle_seeds=(1000,)))
    weights = {name: one.weight for name, one in reliabilities(MODELS, DISTANCES).items()}
    row = table[(table["run"] == "idk") & (table["split"] == "forget05")].iloc[0]
    for reading in READINGS:
        values = [score(components("idk", "forget05", seed), weights, reading) for seed in SEEDS]
        assert row[f"uqs_{reading}"] == pytest.approx(sum(values) / 2)
    assert set(table["run"]) == {"full", "retain", "retain_other_seed", *METHODS}
    oracle = table[(table["run"] == "retain") & (table["split"] == "forget10")].iloc[0]
    assert oracle[DISTANCE] == 0
    assert "| tiny" in quality_score.markdown(table)


@pytest.mark.parametrize("name", ["metric_agreement", "metric_reliability", "quality_score"])
def test_the_tables_are_made_with_their_metric_alone(name):
    assert tables.only_with(name) == ("metrics.uqs_components",)
