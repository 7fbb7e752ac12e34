"""Every run in one line: how well it forgot, and at what cost to utility.

Numbers are those of the run's last epoch, as mean and interval. The mean of p over seeds is
arithmetic; beside it stands the mean of its logarithm, which trajectories show.
"""

import pandas as pd

from lethe.analysis.intervals import Intervals
from lethe.report.table_layout import (
    Group,
    cell,
    columns,
    groups,
    markdown_table,
    note,
    place,
    row_start,
    spread,
)
from lethe.report.tables.base import TableData

# key: (metric, value in its file, heading, number format)
MEASURES = {
    "forget_quality": ("forget_quality", "forget_quality", "Forget quality (p) ↑", "p"),
    "log10_forget_quality": ("forget_quality", "log10_forget_quality", "log₁₀ p ↑", "z.2f"),
    "model_utility": ("model_utility", "model_utility", "Model utility ↑", ".3f"),
    "forget_probability": ("probability", "forget", "Forget probability ↓", ".3f"),
    "forget_rouge": ("rouge", "forget", "Forget ROUGE ↓", ".3f"),
    "forget_truth_ratio": ("truth_ratio", "forget", "Forget truth ratio ↑", ".3f"),
    "retain_utility": ("model_utility", "retain_utility", "Retain utility ↑", ".3f"),
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; missing numbers are empty."""
    rows = []
    for group in groups(data.scores, data.methods, data.seeds, data.oracles):
        row = place(group)
        for key in MEASURES:
            row |= _columns(group, key, data.intervals)
        rows.append(row)
    return pd.DataFrame(rows)


def _columns(group: Group, key: str, intervals: Intervals) -> dict:
    metric, name, _, _ = MEASURES[key]
    if metric == "forget_quality" and group.oracle:
        # Forget quality is measured against the oracle, which equals itself by definition.
        return spread(key, [1.0 if key == "forget_quality" else 0.0])
    return columns(group, key, metric, name, intervals)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; arrows show which direction is better."""
    rows = []
    for record in table.to_dict("records"):
        row = row_start(record) | {"Epoch": record["epoch"]}
        for key, (_, _, heading, digits) in MEASURES.items():
            row[heading] = cell(record, key, digits)
        rows.append(row)
    return markdown_table(rows) + note(table)
