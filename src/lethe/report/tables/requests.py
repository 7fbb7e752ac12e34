"""A sequence of requests: how runs forget, keep forgetting and stay useful (ICU-Bench)."""

import pandas as pd

from lethe.analysis.scores import collect_scores
from lethe.analysis.sequences import METRIC
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
ONLY_WITH = ("requests.asked",)
PAGE = {
    "title": "A sequence of requests",
    "columns": {
        "requests": ("Requests", ".0f"),
        "forgetting": ("Forgetting effectiveness ↑", ".3f"),
        "preservation": ("Historical preservation ↑", ".3f"),
        "rebound": ("Rebound ↓", ".4f"),
        "earlier": ("Earlier requests, probability ↓", ".3f"),
        "retained": ("Retain set, share of full's ↑", ".3f"),
        "retained_mean": ("its mean ↑", ".3f"),
        "stability": ("Stability ↑", ".3f"),
        "model_utility": ("Model utility ↑", ".3f"),
        "utility_kept": ("share of full's ↑", ".3f"),
        "forget_quality": ("Forget quality (p) ↑", ".2e"),
    },
}
NUMBERS = tuple(key for key in PAGE["columns"] if key != "requests")
QUALITY = "forget_quality"
# 0, or equal to full, by definition.
NOT_OF_FULL = ("forgetting", "preservation", "retained", "utility_kept", QUALITY)


def build(data: TableData) -> pd.DataFrame:
    """One row for each model and run, after the last request of the sequence (an oracle's last).

    Means over seeds; values that are not defined for a run are NaN.
    """
    scores = collect_scores(data.files)
    own = last_epochs(scores[scores["metric"] == METRIC])
    quality = last_epochs(scores[scores["metric"] == QUALITY])
    rows = []
    for (model, run), part in own.groupby(["model", "run"], sort=False):
        request = int(part["epoch"].max())
        of_run = quality[(quality["model"] == model) & (quality["run"] == run)]
        there = pd.concat([part, of_run[of_run["split"] == f"request{request}"]])
        rows.append(_row(model, run, request, there, len(set(data.seeds))))
    return pd.DataFrame(rows)


def _row(model: str, run: str, request: int, scores: pd.DataFrame, seeds: int) -> dict:
    row = {
        "model": model,
        "run": run,
        "requests": request,
        "seeds": seeds,
        "interval": "seeds" if seeds > 1 else "none",
    }
    for name in NUMBERS:
        values = scores.loc[scores["name"] == name, "value"].tolist()
        if run == FULL and name in NOT_OF_FULL:
            values = []
        row |= spread(name, values if len(values) == seeds else [])
    return row


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; with the interval if there are several seeds."""
    rows = [_cells(record) for record in table.to_dict("records")]
    return markdown_table(rows) + note(table) + _NOTE


def _cells(record: dict) -> dict:
    row = {"Model": record["model"], "Run": row_label(record["run"])}
    for key, (heading, digits) in PAGE["columns"].items():
        row[heading] = with_interval(record, key, digits)
    return row


_NOTE = (
    "\nProbabilities are means over the questions of a request, then over requests. Forgetting "
    "effectiveness is that of each request right after it, historical preservation that of all "
    "but the last request after the last: 1 where nothing is left, 0 where as much is known as "
    "by full. Rebound is the mean, over requests, of "
    "how far the probability of one rose again later. Stability is 1 minus the relative spread of "
    "the retain set's probability over requests. Oracles learned nothing that was asked for.\n"
)
