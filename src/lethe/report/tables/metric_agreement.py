"""Whether metrics rank methods alike: Kendall's tau of every pair (UQS, arXiv 2605.02206)."""

import math

import pandas as pd

from lethe.analysis.quality_score import COMPONENTS, agreement
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData
from lethe.report.uqs_runs import listed, rankings, unlearned

READS = ("scores",)
ONLY_WITH = ("metrics.uqs_components",)
PAGE = {
    "title": "Do metrics rank methods alike?",
    "section": "statistics",
    "columns": {
        "left": ("Metric", ""),
        "right": ("and", ""),
        "tau_b": ("τ-b", ".2f"),
        "p": ("p of 0", "p"),
        "rankings": ("Rankings", ".0f"),
    },
}
COLUMNS = ["model", "left", "right", "tau_b", "p", "rankings"]


def build(data: TableData) -> pd.DataFrame:
    """One row for each model and pair of metrics: the mean over splits and seeds.

    ``rankings``: in how many of them both metrics rank the methods at all; ``p``: of a t-test over
    them.
    """
    rows = [
        (model, *pair, one.tau, one.p, one.groups)
        for model, some in listed(data).items()
        for pair, one in agreement(rankings(unlearned(some, data))).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(table: pd.DataFrame) -> str:
    """The matrix of every model."""
    parts = []
    for model, some in table.groupby("model", sort=False):
        taus = {frozenset(pair): tau for *pair, tau in some[["left", "right", "tau_b"]].values}
        rows = [
            {"Model": model, "τ-b": one} | {two: _cell(taus, one, two) for two in COMPONENTS}
            for one in COMPONENTS
        ]
        parts.append(markdown_table(rows))
    return "\n".join(parts) + _NOTE


def _cell(taus: dict[frozenset, float], left: str, right: str) -> str:
    if left == right:
        return "1"
    tau = taus[frozenset((left, right))]
    return "" if math.isnan(tau) else f"{tau:.2f}"


_NOTE = (
    "\nKendall's τ-b between the rankings of the methods by two metrics, mean over splits and "
    "seeds. FA, RA: accuracy on forget and retain; MIA: success of an attack; AD, JS: distance to "
    "the oracle of hidden states and next-token distributions. Empty: a metric ranks nothing.\n"
)
