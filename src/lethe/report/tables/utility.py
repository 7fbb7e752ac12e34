"""The nine numbers behind model utility, and their harmonic mean, at each run's last epoch.

Numbers of metrics that were not computed have no columns.
"""

import pandas as pd

from lethe.report.labels import SETS, UTILITY_SETS
from lethe.report.table_layout import (
    cell,
    columns,
    groups,
    is_measured,
    markdown_table,
    note,
    place,
    row_start,
)
from lethe.report.tables.base import TableData

PAGE = {
    "title": "The nine numbers of model utility",
    "columns": {
        "retain_probability": ("Retain: prob. ↑", ".3f"),
        "retain_rouge": ("ROUGE ↑", ".3f"),
        "retain_truth_ratio": ("truth ratio ↑", ".3f"),
        "real_authors_probability": ("Real authors: prob. ↑", ".3f"),
        "real_authors_rouge": ("ROUGE ↑", ".3f"),
        "real_authors_truth_ratio": ("truth ratio ↑", ".3f"),
        "world_facts_probability": ("World facts: prob. ↑", ".3f"),
        "world_facts_rouge": ("ROUGE ↑", ".3f"),
        "world_facts_truth_ratio": ("truth ratio ↑", ".3f"),
        "model_utility": ("Model utility ↑", ".3f"),
    },
}
METRICS = {"probability": "Prob.", "rouge": "ROUGE", "truth_ratio": "Truth ratio"}
# key: (metric, value in its file, heading)
NUMBERS = {
    f"{name}_{metric}": (metric, name, f"{SETS[name]} {METRICS[metric]} ↑")
    for name in UTILITY_SETS
    for metric in METRICS
} | {"model_utility": ("model_utility", "model_utility", "Model utility ↑")}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; missing numbers are empty."""
    rows = []
    for group in groups(data.scores, data.methods, data.seeds, data.oracles):
        row = place(group)
        for key, (metric, name, _) in NUMBERS.items():
            if is_measured(data.scores, metric):
                row |= columns(group, key, metric, name, data.intervals)
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; every number is better when higher."""
    rows = []
    for record in table.to_dict("records"):
        row = row_start(record)
        shown = {key: heading for key, (_, _, heading) in NUMBERS.items() if key in record}
        rows.append(row | {heading: cell(record, key, ".3f") for key, heading in shown.items()})
    return markdown_table(rows) + note(table)
