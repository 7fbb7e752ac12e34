"""The table of questions that no method was given."""

import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import open_questions
from lethe.report.tables.base import TableData

NUMBERS = {
    "forget_rouge": 0.75,
    "forget_probability": 0.5,
    "retain_rouge": 0.25,
    "retain_probability": 0.125,
}


def test_both_numbers_of_both_sets_of_every_run():
    rows = [
        ("tiny", "one", run, 0, epoch, epoch, "open_questions", name, value / (epoch or 1))
        for run, epochs in (("full", (0,)), ("retain", (0,)), ("npo", (1, 2)))
        for epoch in epochs
        for name, value in NUMBERS.items()
    ]
    table = open_questions.build(
        TableData(["npo"], [0], scores=pd.DataFrame(rows, columns=COLUMNS))
    )
    assert list(table["run"]) == ["full", "retain", "npo"]
    full, _, npo = table.to_dict("records")
    assert {key: full[key] for key in NUMBERS} == NUMBERS
    # The last epoch's.
    assert [npo[key] for key in NUMBERS] == [0.375, 0.25, 0.125, 0.0625]
    assert "| Retain: ROUGE-L recall ↑" in open_questions.markdown(table)
