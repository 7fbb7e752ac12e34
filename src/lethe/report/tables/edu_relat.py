"""EDU-RELAT's measures of every run: what must go with the target, and what stayed.

docs/entailed.md says how to read it.
"""

import pandas as pd

from lethe.report.table_layout import value_rows, value_table
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.edu_relat",)
METRIC = "edu_relat"
PAGE = {
    "title": "EDU-RELAT",
    "section": "summary",
    "place": 0,
    "columns": {
        "target_told": ("Target told ↓", ".0f"),
        "recall": ("Of what must go, forgotten ↑", ".3f"),
        "accuracy": ("Other facts told ↑", ".3f"),
        "relationships": ("Relationships ↑", ".3f"),
        "biographies": ("Biographies ↑", ".3f"),
    },
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run."""
    return value_rows(data, {key: (METRIC, key) for key in PAGE["columns"]})


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return value_table(table, PAGE["columns"]) + _NOTE


_NOTE = (
    "\nA fact is told if the answer has the true one in it. What must go: the published minimal "
    "set that is forgotten most, the first of equal ones.\n"
)
