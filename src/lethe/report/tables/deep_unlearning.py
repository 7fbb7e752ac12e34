"""Whether what was forgotten can still be deduced from what was not (EDU-RELAT)."""

import pandas as pd

from lethe.report.table_layout import columns, groups, labelled_table, place, with_metric
from lethe.report.tables.base import TableData

METRIC = "deep_unlearning"
ONLY_WITH = ("metrics.deep_unlearning",)
PAGE = {
    "title": "Facts that follow from others",
    "columns": {
        "targets_told": ("Targets told ↓", ".3f"),
        "deducible": ("Targets told or deduced ↓", ".3f"),
        "recall": ("Of what must go, forgotten ↑", ".3f"),
        "accuracy": ("Other facts told ↑", ".3f"),
    },
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, run and split that forgets facts which follow from others."""
    runs = groups(with_metric(data.scores, METRIC), data.methods, data.seeds, data.oracles)
    return pd.DataFrame(
        [
            place(one)
            | {
                key: value
                for name in PAGE["columns"]
                for key, value in columns(one, name, METRIC, name, data.intervals).items()
            }
            for one in runs
        ]
    )


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return labelled_table(table, PAGE["columns"]) + _NOTE


_NOTE = (
    "\nA fact is told if the greedy answer names the relative. What must go: the smallest set of "
    "facts without which a target is neither stated nor implied; of several, the one that is "
    "forgotten most.\n"
)
