"""The table that compares methods at the best of an equal budget."""

import json

import numpy as np
import pandas as pd
import pytest

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import tuned
from lethe.report.tables.base import TableData

# (validation, test, model utility, log p) of each trial, by seed; the first is as configured.
NPO = {
    0: [(0.4, 0.35, 0.5, -9.0), (0.6, 0.5, 0.4, -2.0)],
    1: [(0.5, 0.45, 0.5, -8.0), (0.3, 0.9, 0.3, -1.0)],
}
ASCENT = {
    0: [(0.2, 0.30, 0.1, -3.0), (0.9, 0.6, 0.2, -4.0)],
    1: [(0.2, 0.25, 0.1, -3.0), (0.9, 0.7, 0.2, -6.0)],
}


def name(method: str, number: int) -> str:
    return f"{method}_trial{number}" if number else method


def scores(methods: dict) -> pd.DataFrame:
    rows = []
    for method, by_seed in methods.items():
        for seed, trials in by_seed.items():
            for number, (_, _, utility, log_p) in enumerate(trials):
                place = ("tiny", "forget10", name(method, number), seed)
                for epoch, less in ((1, 1.0), (2, 0.0)):
                    for metric, value_name, value in (
                        ("model_utility", "model_utility", utility - less),
                        ("forget_quality", "log10_forget_quality", log_p - less),
                    ):
                        rows.append((*place, epoch, epoch, metric, value_name, value))
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture
def data(tmp_path) -> TableData:
    methods, files = {"npo": NPO, "grad_ascent": ASCENT}, []
    for method, by_seed in methods.items():
        for seed, trials in by_seed.items():
            listed = [
                {
                    "trial": name(method, number),
                    "settings": {"lr": 0.001} if number else {},
                    "validation": validation,
                    "test": test,
                    "model_utility": utility,
                }
                for number, (validation, test, utility, _) in enumerate(trials)
            ]
            best = max(listed, key=lambda trial: trial["validation"])["trial"]
            file = tmp_path / f"{method}{seed}.json"
            file.write_text(json.dumps({"format": 1, "trials": listed, "chosen": best}))
            place = {"model": "tiny", "split": "forget10", "run": method, "seed": seed}
            files.append(place | {"path": str(file)})
    return TableData(list(methods), [0, 1], scores=scores(methods), files=files)


def test_default_and_tuned_stand_side_by_side_with_the_gap(data):
    table = tuned.build(data).set_index("run")
    npo = table.loc["npo"]
    # Seed 0 chooses the trial, seed 1 the configured method: validation decides, not test.
    assert npo["default_test"] == pytest.approx((0.35 + 0.45) / 2)
    assert npo["tuned_test"] == pytest.approx((0.5 + 0.45) / 2)
    assert npo["gain"] == pytest.approx((0.15 + 0) / 2)
    assert npo["optimism"] == pytest.approx((0.1 + 0.05) / 2)
    assert npo["default_log10_forget_quality"] == pytest.approx(-8.5)
    assert npo["tuned_log10_forget_quality"] == pytest.approx((-2 - 8) / 2)
    assert npo["tuned_model_utility"] == pytest.approx((0.4 + 0.5) / 2)
    assert (npo["trials"], npo["seeds"]) == (2, 2)
    assert json.loads(npo["settings"]) == [{"lr": 0.001}, {}]


def test_the_best_tuned_method_is_first_though_another_is_better_by_default(data):
    table = tuned.build(data)
    assert table["run"].tolist() == ["grad_ascent", "npo"]
    assert table["default_test"].is_monotonic_increasing


def test_readers_see_what_was_chosen(data):
    text = tuned.markdown(tuned.build(data))
    assert "lr 0.001; as configured" in text
    head = [cell.strip() for cell in text.splitlines()[0].split("|")]
    assert head.index("Tuned, test ↑") == head.index("Default, test ↑") + 1
    assert "Optimism → 0" in head
    assert "Brackets of 2 seeds" in text


def test_without_forget_quality_among_the_metrics_the_rest_remains(data):
    plain = data.scores[data.scores["metric"] != "forget_quality"]
    table = tuned.build(TableData(data.methods, data.seeds, scores=plain, files=data.files))
    assert "tuned_model_utility" in table
    assert "tuned_log10_forget_quality" not in table
    assert "log₁₀" not in tuned.markdown(table)


def test_trials_need_not_be_among_the_scores(data):
    """The workflow scores the listed methods alone; a trial's utility is in its search's file."""
    listed = data.scores[~data.scores["run"].str.contains("trial")]
    table = tuned.build(TableData(data.methods, data.seeds, scores=listed, files=data.files))
    npo = table.set_index("run").loc["npo"]
    assert npo["tuned_model_utility"] == pytest.approx((0.4 + 0.5) / 2)
    assert npo["default_log10_forget_quality"] == pytest.approx(-8.5)
    assert np.isnan(npo.get("tuned_log10_forget_quality", np.nan))
    assert "Tuned, utility ↑" in tuned.markdown(table)
