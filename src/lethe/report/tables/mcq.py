"""Accuracy of every run on a user's questions of multiple choice, chance beside it.

docs/mcq.md says how to read it.
"""

import pandas as pd

from lethe.report.table_layout import is_measured, value_rows, value_table
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.mcq",)
METRIC = "mcq"
PAGE = {
    "title": "Multiple choice",
    "section": "summary",
    "place": 0,
    "columns": {
        "forget_letters": ("Forget: by letters ↓", ".3f"),
        "forget_likelihood": ("by likelihood ↓", ".3f"),
        "forget_chance": ("chance", ".3f"),
        "retain_letters": ("Retain: by letters ↑", ".3f"),
        "retain_likelihood": ("by likelihood ↑", ".3f"),
        "retain_chance": ("chance", ".3f"),
        "mmlu": ("MMLU ↑ (chance 0.25)", ".3f"),
    },
}
HEADINGS = {
    "forget_likelihood": "Forget: by likelihood ↓",
    "forget_chance": "Forget: chance",
    "retain_likelihood": "Retain: by likelihood ↑",
    "retain_chance": "Retain: chance",
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; what was not measured has no column."""
    names = set(data.scores.loc[data.scores["metric"] == METRIC, "name"])
    measured = {key: (METRIC, key) for key in PAGE["columns"] if key in names}
    if is_measured(data.scores, "mmlu"):
        measured["mmlu"] = ("mmlu", "accuracy")
    return value_rows(data, measured)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers, and what was not measured."""
    headings = {
        key: (HEADINGS.get(key, heading), digits)
        for key, (heading, digits) in PAGE["columns"].items()
    }
    parts = {"retain_letters": "questions to be retained", "mmlu": "MMLU"}
    absent = [name for key, name in parts.items() if key not in table]
    missing = f"Not asked: {' and '.join(absent)}.\n" if absent else ""
    return value_table(table, headings) + missing
