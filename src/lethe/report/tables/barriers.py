"""Loss barriers: how far the loss rises on the straight line between two runs' last checkpoints.

A loss that rises nowhere on the line means that the two lie in one mode of the loss.
"""

import pandas as pd

from lethe.metrics.base import read_metric
from lethe.report.labels import run_label
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("lines",)
ONLY_WITH = ("interpolation.pairs",)
SETS = {"retain": "Retain set", "forget": "Forget set"}
PAGE = {
    "title": "Loss barriers",
    "columns": {
        "other": ("To", ""),
        "retain": ("Rise of the retain loss (nats)", ".3f"),
        "forget": ("of the forget loss", ".3f"),
        "retain_at": ("Highest retain loss at", ".2f"),
    },
}
PLACE = ["model", "split", "run"]


def build(data: TableData) -> pd.DataFrame:
    """One row for each pair of runs, model and split: means and ranges over seeds.

    ``…_low`` and ``…_high``: the lowest and the highest seed; ``…_at``: where on the line, from 0
    at ``run`` to 1 at ``other``, the loss is highest, as the mean over seeds.
    """
    lines = pd.DataFrame([_line(entry) for entry in data.files])
    rows = []
    for place, part in lines.groupby([*PLACE, "other"], sort=False):
        row = dict(zip([*PLACE, "other"], place, strict=True)) | {"seeds": len(part)}
        for name in SETS:
            some = part[name]
            row |= {name: some.mean(), f"{name}_low": some.min(), f"{name}_high": some.max()}
            row[f"{name}_at"] = part[f"{name}_at"].mean()
        rows.append(row)
    return pd.DataFrame(rows)


def _line(entry: dict) -> dict:
    (point,) = read_metric(entry["path"], entry["metric"]).checkpoints
    places = point.items["place"]
    row = {key: entry[key] for key in PLACE} | {"other": entry["state"].removeprefix("to_")}
    for name in SETS:
        losses = point.items[name]
        row |= {name: point.values[name], f"{name}_at": places[losses.index(max(losses))]}
    return row


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; the range over seeds in brackets."""
    return markdown_table([_cells(record) for record in table.to_dict("records")])


def _cells(record: dict) -> dict:
    row = {
        "Model": record["model"],
        "Forget set": record["split"],
        "From": run_label(record["run"]),
        "To": run_label(record["other"]),
    }
    for name, label in SETS.items():
        low, high = record[f"{name}_low"], record[f"{name}_high"]
        span = f" [{low:.3f}, {high:.3f}]" if record["seeds"] > 1 else ""
        row[f"{label}: rise of the loss (nats)"] = f"{record[name]:.3f}{span}"
    return row
