"""Metrics under test: whether they tell models with the knowledge from models without it."""

import pandas as pd

from lethe.common.files import read_json
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("meta_evaluations",)
ONLY_WITH = ("meta_evaluation.enabled",)
NUMBERS = {
    "faithfulness": "Faithfulness (AUC)",
    "relearning_one_sided": "R",
    "quantization_one_sided": "Q",
    "overall_one_sided": "overall",
    "relearning_symmetric": "R, symmetric",
    "quantization_symmetric": "Q, symmetric",
    "overall_symmetric": "overall, symmetric",
}
PAGE = {
    "title": "Metrics under test",
    "columns": {
        "metric": ("Metric", ""),
        "name": ("Value", ""),
        "knowledge": ("Knowledge makes it", ""),
        "faithfulness": ("Faithfulness (AUC) ↑", ".3f"),
        "relearning_one_sided": ("R ↑", ".3f"),
        "quantization_one_sided": ("Q ↑", ".3f"),
        "overall_one_sided": ("Overall ↑", ".3f"),
        "relearning_symmetric": ("R, symmetric ↑", ".3f"),
        "quantization_symmetric": ("Q, symmetric ↑", ".3f"),
        "overall_symmetric": ("Overall, symmetric ↑", ".3f"),
    },
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each value of each metric, model and split; empty where it is not defined."""
    return pd.DataFrame(
        [
            {"model": entry["model"], "split": entry["split"], **row}
            for entry in data.files
            for row in read_json(entry["path"])["metrics"]
        ]
    )


def markdown(table: pd.DataFrame) -> str:
    """The table, the most faithful first; the interval is over models."""
    order = table.sort_values("faithfulness", ascending=False, kind="stable")
    return markdown_table([_cells(record) for record in order.to_dict("records")]) + _NOTE


def _cells(record: dict) -> dict:
    row = {"Model": record["model"], "Forget set": record["split"]}
    row["Metric"] = f"{record['metric']}.{record['name']}"
    for key, label in NUMBERS.items():
        row[label] = "" if pd.isna(record[key]) else f"{record[key]:.3f}"
    low, high = record["faithfulness_low"], record["faithfulness_high"]
    row[NUMBERS["faithfulness"]] += f" [{low:.3f}, {high:.3f}]"
    return row


_NOTE = (
    "\nFaithfulness: the share of pairs in which the model with the knowledge has more of it by "
    "the metric, with a 95% bootstrap interval over models. R, Q: robustness under relearning and "
    "quantization, a mean over unlearned models (docs/meta_evaluation.md).\n"
)
