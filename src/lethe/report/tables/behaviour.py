"""Unlearning or untraining: how near runs are to either oracle, and how far forgetting spread."""

import math

import pandas as pd

from lethe.report.table_layout import (
    Group,
    bracketed,
    columns,
    groups,
    markdown_table,
    note,
    place,
    row_start,
    spread,
    with_metric,
)
from lethe.report.tables.base import TableData

METRIC = "generalisation"
ONLY_WITH = ("metrics.generalisation",)
PAGE = {
    "title": "Unlearning or untraining",
    "columns": {
        "given": ("Given share, probability ↓", ".3f"),
        "rest": ("Rest of the behaviour ↓", ".3f"),
        "forgetting": ("Forgetting of the share", ".2f"),
        "generalisation": ("Generalisation G ↑", ".2f"),
        "without_share_ks": ("To untraining: KS ↓", ".3f"),
        "without_share_probability": ("probability ↓", ".3f"),
        "without_share_js": ("JS ↓", ".4f"),
        "without_all_ks": ("To unlearning: KS ↓", ".3f"),
        "without_all_probability": ("probability ↓ ", ".3f"),
        "without_all_js": ("JS ↓ ", ".4f"),
    },
}
SETS = ("given", "rest")
NUMBERS = tuple(key for key in PAGE["columns"] if key not in SETS)
# Values of the full model of the run's seed.
KNOWN = ("memorisation_share", "memorisation_all")


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, run and split by behaviour; what is not defined is NaN."""
    scores = with_metric(data.scores, METRIC)
    runs = groups(scores, data.methods, data.seeds, data.oracles)
    return pd.DataFrame([_row(one, data) for one in runs])


def _row(group: Group, data: TableData) -> dict:
    row = place(group)
    for name in SETS:
        key = f"{name}_probability"
        there = _has(group, "behaviour", key)
        own = columns(group, name, "behaviour", key, data.intervals) if there else _none(name)
        row |= own
    for name in (*NUMBERS, *KNOWN):
        there = _has(group, METRIC, name)
        row |= spread(name, group.values(METRIC, name)) if there else _none(name)
    return row


def _has(group: Group, metric: str, name: str) -> bool:
    """Whether a value is defined for every seed."""
    rows = group.scores[(group.scores["metric"] == metric) & (group.scores["name"] == name)]
    return set(group.seeds) <= set(rows["seed"])


def _none(name: str) -> dict:
    return {f"{name}{suffix}": math.nan for suffix in ("", "_low", "_high", "_sd")}


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    rows = [row_start(record) | _cells(record) for record in table.to_dict("records")]
    return markdown_table(rows) + note(table) + _NOTE


def _cells(record: dict) -> dict:
    cells = {}
    for key, (label, digits) in PAGE["columns"].items():
        numbers = (record[key], record[f"{key}_low"], record[f"{key}_high"])
        cells[label] = "" if math.isnan(record[key]) else bracketed(*numbers, digits)
    return cells


_NOTE = (
    "\nThe untraining oracle (without share) never saw the given share of the behaviour, the "
    "unlearning oracle (without all) none of it. Forgetting and G are 0 where a run equals the "
    "full model and 1 where it equals the oracle; they are empty where the full model knew no "
    "more than the oracle, or where there is no rest. Distances are over all items of the "
    "behaviour: of truth "
    "ratios, and means of |p - p_oracle| and of JS divergences (nats).\n"
)
