"""MUSE's six ways for every run at its last epoch.

Source: MUSE, arXiv 2407.06460; docs/muse.md says how to read it. Four ways are columns; scalability
is how they change over the splits of growing forget sets, sustainability how they change over
requests one after another. Each split is a line.
"""

import pandas as pd

from lethe.report.table_layout import is_measured, value_rows, value_table
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.verbmem", "metrics.knowmem")
PAGE = {
    "title": "MUSE",
    "section": "summary",
    "place": 0,
    "columns": {
        "verbmem": ("Verbatim memory of forget ↓", ".3f"),
        "knowmem_forget": ("Knowledge of forget ↓", ".3f"),
        "privleak": ("Privacy leakage (%) → 0", ".1f"),
        "utility": ("Utility: knowledge of retain ↑", ".3f"),
        "shared": ("Knowledge of both ↑", ".3f"),
    },
}
# key: (metric, value in its file)
NUMBERS = {
    "verbmem": ("verbmem", "forget"),
    "knowmem_forget": ("knowmem", "forget"),
    "privleak": ("muse_privleak", "privleak"),
    "utility": ("knowmem", "retain"),
}
# Of DUSK alone: what the forget set and the retain set both say.
SHARED = ("knowmem", "shared")
SCALABILITY, SUSTAINABILITY = "_scal_", "_sust_"


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; what was not measured has no column."""
    measured = {key: one for key, one in NUMBERS.items() if is_measured(data.scores, one[0])}
    names = data.scores.loc[data.scores["metric"] == SHARED[0], "name"]
    if SHARED[1] in set(names):
        measured["shared"] = SHARED
    return value_rows(data, measured)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers, and what it says of the two other ways."""
    return value_table(table, PAGE["columns"]) + _others(table)


def _others(table: pd.DataFrame) -> str:
    """One line on scalability and sustainability."""
    grown = _change(table, "Scalability", SCALABILITY, "of growing forget sets")
    later = _change(table, "Sustainability", SUSTAINABILITY, "of requests one after another")
    return f"{grown} {later}\n"


def _change(table: pd.DataFrame, way: str, mark: str, which: str) -> str:
    splits = sorted({name for name in table["split"].dropna() if mark in str(name)})
    if len(splits) > 1:
        return f"{way}: the change from {splits[0]} to {splits[-1]}."
    return f"{way}: not measured; list several splits {which}."
