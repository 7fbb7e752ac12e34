"""How well every run still answers questions that no method was given, to be forgotten or to stay.

docs/published.md says how to read it.
"""

import pandas as pd

from lethe.report.table_layout import value_rows, value_table
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.open_questions",)
METRIC = "open_questions"
PAGE = {
    "title": "Questions that no method was given",
    "section": "summary",
    "place": 0,
    "columns": {
        "forget_rouge": ("Forget: ROUGE-L recall", ".3f"),
        "forget_probability": ("Forget: probability", ".3f"),
        "retain_rouge": ("Retain: ROUGE-L recall ↑", ".3f"),
        "retain_probability": ("Retain: probability ↑", ".3f"),
    },
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run."""
    return value_rows(data, {key: (METRIC, key) for key in PAGE["columns"]})


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return value_table(table, PAGE["columns"])
