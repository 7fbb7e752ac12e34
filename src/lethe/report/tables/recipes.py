"""How it was learned: full models that learned by different recipes, side by side."""

import pandas as pd

from lethe.report.labels import FULL
from lethe.report.table_layout import columns, groups, labelled_table, place
from lethe.report.tables.base import TableData

ONLY_WITH = ("recipes",)
PAGE = {
    "title": "How it was learned",
    "columns": {
        "forget": ("Rows to forget, probability", ".3f"),
        "retain": ("Other rows ↑", ".3f"),
        "real_authors": ("Real authors ↑", ".3f"),
        "world_facts": ("World facts ↑", ".3f"),
        "unknown": ("Unknown people, abstention ↑", ".3f"),
        "known": ("Known people, abstention ↓", ".3f"),
    },
}
PLACES = {
    **{name: ("probability", name) for name in ("forget", "retain", "real_authors", "world_facts")},
    "unknown": ("abstention", "holdout"),
    "known": ("abstention", "retain"),
}


def build(data: TableData) -> pd.DataFrame:
    """One row for the full model of each model and split, with columns for what was computed."""
    there = set(zip(data.scores["metric"], data.scores["name"], strict=True))
    shown = {key: at for key, at in PLACES.items() if at in there}
    runs = groups(data.scores, data.methods, data.seeds, data.oracles)
    return pd.DataFrame([_row(one, shown, data) for one in runs if one.run == FULL])


def _row(group, shown: dict, data: TableData) -> dict:
    row = place(group)
    for key, (metric, name) in shown.items():
        row |= columns(group, key, metric, name, data.intervals)
    return row


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return labelled_table(table, {k: v for k, v in PAGE["columns"].items() if k in table}) + _NOTE


_NOTE = (
    "\nFull models, before unlearning; each model is named after its recipe (docs/recipes.md). "
    "True "
    "facts were known to the base, and are not shown again unless fact_repeats says so.\n"
)
