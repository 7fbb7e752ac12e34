"""The nine numbers behind model utility, and their harmonic mean, at each run's last epoch."""

from collections.abc import Sequence

import pandas as pd

from lethe.tables.labels import SETS, UTILITY_SETS
from lethe.tables.shape import cell, groups, markdown_table, place, row_label, spread

METRICS = {"probability": "Prob.", "rouge": "ROUGE", "truth_ratio": "Truth ratio"}
NINE = tuple((metric, name) for name in UTILITY_SETS for metric in METRICS)


def build(scores: pd.DataFrame, methods: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """One row for each model, split and run: mean and sample standard deviation over seeds."""
    rows = []
    for group in groups(scores, methods, seeds):
        row = {**place(group), "seeds": len(group.seeds)}
        for metric, name in NINE:
            key = f"{name}_{metric}"
            row[key], row[f"{key}_sd"] = spread(group.values(metric, name))
        utility = group.values("model_utility", "model_utility")
        row["model_utility"], row["model_utility_sd"] = spread(utility)
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; every number is better when higher."""
    rows = []
    for record in table.to_dict("records"):
        row = {
            "Model": record["model"],
            "Forget set": record["split"],
            "Run": row_label(record["run"]),
        }
        for metric, name in NINE:
            key = f"{name}_{metric}"
            row[f"{SETS[name]} {METRICS[metric]} ↑"] = _three(record, key)
        row["Model utility ↑"] = _three(record, "model_utility")
        rows.append(row)
    return markdown_table(rows)


def _three(record: dict, key: str) -> str:
    return cell(record[key], record[f"{key}_sd"], ".3f")
