"""A sequence of requests by text, by picture and by both, in a world with pictures (ICU-Bench)."""

import pandas as pd

from lethe.analysis.scores import collect_scores
from lethe.analysis.sequences import METRIC, MODALITIES
from lethe.report.labels import FULL
from lethe.report.table_layout import (
    last_epochs,
    markdown_table,
    note,
    row_label,
    spread,
    with_interval,
)
from lethe.report.tables.base import TableData

READS = ("requests",)
ONLY_WITH = ("requests.asked", "world.pictures")
PAGE = {
    "title": "A sequence of requests, by modality",
    "columns": {
        "modality": ("Asked by", ""),
        "forgetting": ("Forgetting effectiveness ↑", ".3f"),
        "preservation": ("Historical preservation ↑", ".3f"),
        "rebound": ("Rebound ↓", ".4f"),
        "now": ("The last request, probability ↓", ".3f"),
        "earlier": ("Earlier requests, probability ↓", ".3f"),
    },
}
NUMBERS = {key: column for key, column in PAGE["columns"].items() if key != "modality"}
# 0 by definition.
NOT_OF_FULL = ("forgetting", "preservation")


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, run and modality that every request has, after the last request.

    Means over seeds; values that are not defined for a run are NaN.
    """
    scores = collect_scores(data.files)
    own = last_epochs(scores[scores["metric"] == METRIC])
    rows = [
        _row(model, run, modality, part, len(set(data.seeds)))
        for (model, run), part in own.groupby(["model", "run"], sort=False)
        for modality in MODALITIES
        if (part["name"] == f"now_by_{modality}").any()
    ]
    columns = ["model", "run", *PAGE["columns"]]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _row(model: str, run: str, modality: str, part: pd.DataFrame, seeds: int) -> dict:
    row = {"model": model, "run": run, "modality": modality, "seeds": seeds}
    row["interval"] = "seeds" if seeds > 1 else "none"
    for name in NUMBERS:
        values = part.loc[part["name"] == f"{name}_by_{modality}", "value"].tolist()
        if run == FULL and name in NOT_OF_FULL:
            values = []
        row |= spread(name, values if len(values) == seeds else [])
    return row


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; with the interval if there are several seeds."""
    rows = [_cells(record) for record in table.to_dict("records")]
    if not rows:
        return "No request has questions of every modality.\n"
    return markdown_table(rows) + note(table) + _NOTE


def _cells(record: dict) -> dict:
    row = {"Model": record["model"], "Run": row_label(record["run"])}
    row["Asked by"] = record["modality"]
    for key, (heading, digits) in NUMBERS.items():
        row[heading] = with_interval(record, key, digits)
    return row


_NOTE = (
    "\nAs in the table of the sequence, of the questions of each modality alone: by text, by the "
    "author's picture, and by both.\n"
)
