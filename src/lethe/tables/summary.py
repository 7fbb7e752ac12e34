"""Every run in one line: how well it forgot, and what it cost.

Numbers are those of the run's last epoch, as mean and sample standard deviation over seeds. The
mean of p is arithmetic; the mean of its logarithm, beside it, is what trajectories show.
"""

from collections.abc import Sequence

import pandas as pd

from lethe.tables.labels import RETAIN
from lethe.tables.shape import Group, cell, groups, markdown_table, place, row_label, spread

# key: (metric, value in its file, heading, number format)
MEASURES = {
    "forget_quality": ("forget_quality", "forget_quality", "Forget quality (p) ↑", "p"),
    "log10_forget_quality": ("forget_quality", "log10_forget_quality", "log₁₀ p ↑", ".2f"),
    "model_utility": ("model_utility", "model_utility", "Model utility ↑", ".3f"),
    "forget_probability": ("probability", "forget", "Forget probability ↓", ".3f"),
    "forget_rouge": ("rouge", "forget", "Forget ROUGE ↓", ".3f"),
    "forget_truth_ratio": ("truth_ratio", "forget", "Forget truth ratio ↑", ".3f"),
    "retain_utility": ("model_utility", "retain_utility", "Retain utility ↑", ".3f"),
}


def build(scores: pd.DataFrame, methods: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """One row for each model, split and run; deviations are empty where there is one seed."""
    rows = []
    for group in groups(scores, methods, seeds):
        row = {**place(group), "seeds": len(group.seeds)}
        for key in MEASURES:
            row[key], row[f"{key}_sd"] = spread(_values(group, key))
        rows.append(row)
    return pd.DataFrame(rows)


def _values(group: Group, key: str) -> list[float]:
    metric, name, _, _ = MEASURES[key]
    if metric == "forget_quality" and _is_reference(group):
        # The oracle is what forget quality measures against: equal to itself by definition.
        return [1.0 if key == "forget_quality" else 0.0] * len(group.seeds)
    return group.values(metric, name)


def _is_reference(group: Group) -> bool:
    return group.run == RETAIN and not group.other and not group.has("forget_quality")


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; arrows point to where a number should go."""
    rows = []
    for record in table.to_dict("records"):
        row = {
            "Model": record["model"],
            "Forget set": record["split"],
            "Run": row_label(record["run"]),
            "Epoch": record["epoch"],
        }
        for key, (_, _, heading, digits) in MEASURES.items():
            row[heading] = cell(record[key], record[f"{key}_sd"], digits)
        rows.append(row)
    return markdown_table(rows)
