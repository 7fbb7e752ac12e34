"""The tables of RWKU and of multiple choice from scores: columns, and what they lack."""

import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import mcq, rwku
from lethe.report.tables.base import TableData

PROBES = {
    "forget_level1": 0.5,
    "forget_level2": 0.25,
    "forget_level3": 0.125,
    "forget": 0.375,
    "neighbor_level1": 0.75,
    "neighbor_level2": 0.625,
    "neighbor": 0.6875,
    "forget_role_play": 0.0,
}
ASKED = {"forget_letters": 0.25, "forget_likelihood": 0.5, "forget_chance": 0.2}


def data(values):
    """Scores of three runs, those of the last epoch of the method half as high."""
    rows = [
        ("tiny", "one", run, 0, epoch, epoch, metric, name, value / (epoch or 1))
        for run, epochs in (("full", (0,)), ("retain", (0,)), ("npo", (1, 2)))
        for epoch in epochs
        for metric, numbers in values.items()
        for name, value in numbers.items()
    ]
    return TableData(["npo"], [0], scores=pd.DataFrame(rows, columns=COLUMNS))


def test_a_run_of_rwku_in_one_line_and_what_was_not_computed_below():
    values = {
        "rwku_probes": PROBES,
        "membership_texts": {"forget_loss": 3.0, "retain_loss": 2.0, "loss_auc": 0.75},
        "trivia": {"exact_match": 0.5, "f1": 0.625},
    }
    table = rwku.build(data(values))
    assert list(table["run"]) == ["full", "retain", "npo"]
    full, _, npo = table.to_dict("records")
    assert (full["forget_level3"], full["mia_forget"], full["trivia"]) == (0.125, 3, 0.625)
    assert (npo["neighbor"], npo["epoch"]) == (0.34375, 2)
    assert not {"mmlu", "fluency", "reasoning", "truthful"} & set(table)
    text = rwku.markdown(table)
    assert "Not computed, and part of no number here: MMLU, BBH, TruthfulQA, fluency." in text
    assert "Neighbours: all ↑" in text


def test_nothing_is_missing_where_all_was_computed():
    values = {
        "rwku_probes": PROBES,
        "membership_texts": {"forget_loss": 3.0, "retain_loss": 2.0, "loss_auc": 0.75},
        "trivia": {"f1": 0.5},
        "mmlu": {"accuracy": 0.5},
        "reasoning": {"exact_match": 0.5},
        "truthful": {"mc1": 0.5},
        "ngram_entropy": {"entropy": 6.0},
    }
    assert "Not computed" not in rwku.markdown(rwku.build(data(values)))


def test_a_run_of_multiple_choice_with_chance_beside_it():
    table = mcq.build(data({"mcq": ASKED}))
    assert [table.iloc[0][key] for key in ASKED] == list(ASKED.values())
    text = mcq.markdown(table)
    assert "Forget: chance" in text
    assert "Not asked: questions to be retained and MMLU." in text
    retained = {key.replace("forget", "retain"): value for key, value in ASKED.items()}
    whole = mcq.markdown(mcq.build(data({"mcq": ASKED | retained, "mmlu": {"accuracy": 0.5}})))
    assert "Not asked" not in whole
    assert "MMLU ↑ (chance 0.25)" in whole
