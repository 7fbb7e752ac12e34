"""What must stay of the same authors beside what must stay of others (PPU-Bench, 2605.08800)."""

from collections.abc import Mapping

import pandas as pd

from lethe.report.labels import FULL
from lethe.report.table_layout import (
    Group,
    columns,
    groups,
    labelled_table,
    place,
    spread,
    with_metric,
)
from lethe.report.tables.base import TableData

METRIC = "same_author_retain"
ONLY_WITH = ("metrics.same_author_retain",)
PAGE = {
    "title": "Facts kept of the same authors and of others",
    "columns": {
        "forget": ("Forgotten facts, probability ↓", ".3f"),
        "kept_probability": ("Same authors, probability ↑", ".3f"),
        "others_probability": ("Others ↑", ".3f"),
        "kept_share": ("Same authors, share of full ↑", ".3f"),
        "others_share": ("Others, share of full ↑", ".3f"),
        "kept_rouge": ("Same authors, ROUGE-L ↑", ".3f"),
        "others_rouge": ("Others, ROUGE-L ↑", ".3f"),
    },
}
WHOSE, NUMBERS = ("kept", "others"), ("probability", "rouge")


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, run and split that forgets some facts of an author."""
    runs = groups(with_metric(data.scores, METRIC), data.methods, data.seeds, data.oracles)
    full = {(group.model, group.split): group for group in runs if group.run == FULL}
    return pd.DataFrame([_row(one, full[one.model, one.split], data) for one in runs])


def _row(group: Group, full: Group, data: TableData) -> dict:
    row = place(group) | columns(group, "forget", "probability", "forget", data.intervals)
    for number in NUMBERS:
        for whose in WHOSE:
            name = f"{whose}_{number}"
            row |= columns(group, name, METRIC, name, data.intervals)
    for whose in WHOSE:
        row |= spread(f"{whose}_share", _shares(group, full, f"{whose}_probability"))
    return row


def _shares(group: Group, full: Group, name: str) -> list[float]:
    """A number as a share of that of the full model of the same seed, or of its first seed."""
    before: Mapping[int, float] = dict(zip(full.seeds, full.values(METRIC, name), strict=True))
    first = before[full.seeds[0]]
    pairs = zip(group.seeds, group.values(METRIC, name), strict=True)
    return [value / before.get(seed, first) for seed, value in pairs]


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return labelled_table(table, PAGE["columns"]) + _NOTE


_NOTE = (
    "\nSame authors: the facts that must stay of authors of whom others are to be forgotten. Share "
    "of full: the probability divided by that of the model before unlearning.\n"
)
