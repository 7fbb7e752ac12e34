"""Supervision that models made from names alone: what they know, and the gold rows recovered."""

import pandas as pd

from lethe.analysis.supervision_recall import summary
from lethe.report.table_layout import markdown_table, row_start
from lethe.report.tables.base import TableData

READS = ("supervisions",)
ONLY_WITH = ("supervisions",)
PAGE = {
    "title": "What a model says about names",
    "columns": {
        "kind": ("Supervision", ""),
        "names": ("Names", ".1f"),
        "known": ("Known", ".1f"),
        "forget_rows": ("Rows to forget", ".0f"),
        "retain_rows": ("Rows to retain", ".0f"),
        "recall": ("Gold rows recovered", ".3f"),
    },
}
KEYS = ["model", "split", "run", "kind"]


def build(data: TableData) -> pd.DataFrame:
    """One row for each run that was asked and each kind; numbers are means over seeds."""
    rows = [{key: entry[key] for key in KEYS} | summary(entry) for entry in data.files]
    return pd.DataFrame(rows).groupby(KEYS, sort=False).mean().reset_index()


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return markdown_table([_cells(record) for record in table.to_dict("records")]) + _NOTE


def _cells(record: dict) -> dict:
    cells = row_start(record)
    for key, (heading, digits) in PAGE["columns"].items():
        cells[heading] = format(record[key], digits)
    return cells


_NOTE = (
    "\nMade by questioning each model about the names alone (docs/forget.md). A gold row is "
    "recovered if an answer about the same name has half of its novel words. What an oracle says "
    "about them is made up.\n"
)
