"""The table of PPU-Bench's tasks from scores: its rows, and tasks without any."""

import math

import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import ppu_tasks
from lethe.report.tables.base import TableData

VALUES = {
    "forget_generation_qa_recall": 0.5,
    "forget_generation_qa_f1": 0.25,
    "forget_classification_vqa_accuracy": 0.75,
    "forget_classification_vqa_invalid": 0.125,
    "picture3_classification_vqa_accuracy": 0.375,
    "picture3_classification_vqa_invalid": 0.0,
}


def test_a_row_for_each_run_set_and_modality_that_was_asked():
    rows = [
        ("tiny", "one", run, 0, 0, 0, "ppu_tasks", name, value)
        for run in ("full", "retain")
        for name, value in VALUES.items()
    ]
    table = ppu_tasks.build(TableData([], [0], scores=pd.DataFrame(rows, columns=COLUMNS)))
    kinds = [("forget", "qa"), ("forget", "vqa"), ("picture3", "vqa")]
    assert list(zip(table["rows"], table["modality"], strict=True)) == kinds * 2
    by_text, shown, other = table.to_dict("records")[:3]
    assert (by_text["generation_recall"], by_text["generation_f1"]) == (0.5, 0.25)
    assert math.isnan(by_text["classification_accuracy"])
    assert (shown["classification_invalid"], other["classification_accuracy"]) == (0.125, 0.375)
    text = ppu_tasks.markdown(table)
    assert "other picture 003" in text
    assert "nan" not in text
