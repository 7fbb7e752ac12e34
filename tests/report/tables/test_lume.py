"""The table of LUME from scores: its columns, and what it says of a missing final score."""

import pandas as pd
import pytest

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import lume
from lethe.report.tables.base import TableData

TASKS = {
    "forget_regurgitation": 0.5,
    "forget_knowledge": 0.25,
    "retain_regurgitation": 0.75,
    "retain_knowledge": 0.625,
    "task_aggregate": 0.375,
}


def data(values):
    """Scores of three runs, those of the last epoch of the method twice as high."""
    rows = [
        ("tiny", "published", run, 0, epoch, epoch, metric, name, value * (epoch or 1))
        for run, epochs in (("full", (0,)), ("retain", (0,)), ("npo", (1, 2)))
        for epoch in epochs
        for metric, numbers in values.items()
        for name, value in numbers.items()
    ]
    return TableData(["npo"], [0], scores=pd.DataFrame(rows, columns=COLUMNS))


def test_a_run_in_one_line_and_the_missing_component_below():
    values = {"lume_tasks": TASKS, "membership_document": {"auc": 0.75, "score": 0.5}}
    table = lume.build(data(values))
    assert list(table["run"]) == ["full", "retain", "npo"]
    full, _, npo = table.to_dict("records")
    assert [full[key] for key in TASKS] == list(TASKS.values())
    assert (full["membership"], npo["membership"], npo["epoch"]) == (0.5, 1, 2)
    assert not {"mmlu", "final"} & set(table)
    text = lume.markdown(table)
    assert "No final score" in text
    assert "the metric mmlu was not computed" in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "the metric membership_document and mmlu was not computed"),
        (
            {"membership_document": {"score": 0.5}, "mmlu": {"accuracy": 0.25}},
            "the metric lume_final was not computed",
        ),
        (
            {
                "membership_document": {"score": 0.5},
                "mmlu": {"accuracy": 0.25},
                "lume_final": {"final": 0.375},
            },
            "Final: the mean of task aggregate, membership and MMLU",
        ),
    ],
)
def test_which_components_there_are(values, words):
    assert words in lume.markdown(lume.build(data({"lume_tasks": TASKS} | values)))
