"""Scores of lm-evaluation-harness: its own tasks, by run; one row for each score of each task."""

import math

import pandas as pd

from lethe.evaluate.harness import read_scores
from lethe.report.labels import run_label
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("lm_evals",)
ONLY_WITH = ("lm_eval.tasks",)
PAGE = {
    "title": "Tasks of lm-evaluation-harness",
    "columns": {
        "task": ("Task", ""),
        "score": ("Score", ""),
        "value": ("Value", ".4f"),
        "error": ("Standard error", ".4f"),
        "items": ("Items", ".0f"),
    },
}
PLACE = ["model", "split", "run", "task", "score"]


def build(data: TableData) -> pd.DataFrame:
    """Means over seeds. ``error``: the harness's standard error over items, of the mean of seeds as
    if the same items erred alike, so never below that of one seed's mean; NaN if it gives none."""
    rows = [
        {key: entry[key] for key in ("model", "split", "run")} | _row(one)
        for entry in data.files
        for one in read_scores(entry["path"], entry["tasks"])
    ]
    table = pd.DataFrame(rows)
    seeds = table.groupby(PLACE, sort=False)
    columns = seeds[["value", "error"]].mean()
    columns["items"] = seeds["items"].first()
    columns["higher_is_better"] = seeds["higher_is_better"].first()
    columns["seeds"] = seeds.size()
    return columns.reset_index()


def _row(one) -> dict:
    return {
        "task": one.task,
        "score": one.score,
        "value": one.value,
        "error": math.nan if one.error is None else one.error,
        "items": math.nan if one.items is None else one.items,
        "higher_is_better": one.higher_is_better,
    }


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers, an arrow where the harness says which way is better."""
    return markdown_table([_cells(record) for record in table.to_dict("records")])


def _cells(record: dict) -> dict:
    arrow = {True: " ↑", False: " ↓"}.get(record["higher_is_better"], "")
    error = "" if math.isnan(record["error"]) else f" ± {record['error']:.4f}"
    return {
        "Model": record["model"],
        "Forget set": record["split"],
        "Run": run_label(record["run"]),
        "Task": record["task"],
        "Score": record["score"] + arrow,
        "Value": f"{record['value']:.4f}{error}",
    }
