"""The Unified Quality Score of every run (UQS, arXiv 2605.02206), in both readings of AD."""

import pandas as pd

from lethe.analysis.quality_score import DISTANCE, METRIC, READINGS, VALUES, reliabilities, score
from lethe.report.table_layout import Group, labelled_table, place, spread
from lethe.report.tables.base import TableData
from lethe.report.uqs_runs import listed, models_of, unlearned

READS = ("scores",)
ONLY_WITH = ("metrics.uqs_components",)
PAGE = {
    "title": "Unified Quality Score",
    "columns": {
        "uqs_exponential": ("UQS, exp(−AD/100) ↑", ".3f"),
        "uqs_reciprocal": ("UQS, 1/(1+AD) ↑", ".3f"),
        "forget_accuracy": ("FA", ".3f"),
        "retain_accuracy": ("RA ↑", ".3f"),
        "attack_success": ("MIA", ".3f"),
        "state_distance": ("AD ↓", ".3f"),
        "divergence": ("JS ↓", ".3f"),
        "weight_distance": ("Distance to the oracle", ".4f"),
    },
}
COLUMNS = (*VALUES.values(), DISTANCE)


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run at its last epoch; the methods give the weights."""
    rows = []
    for some in listed(data).values():
        models = unlearned(some, data)
        fitted = reliabilities([m.components for m in models], [m.distance for m in models])
        weights = {name: one.weight for name, one in fitted.items()}
        rows += [_row(group, weights) for group in some]
    return pd.DataFrame(rows)


def _row(group: Group, weights: dict[str, float]) -> dict:
    row = place(group)
    models = list(models_of(group))
    for reading in READINGS:
        scores = [score(model.components, weights, reading) for model in models]
        row |= spread(f"uqs_{reading}", scores)
    for name in COLUMNS:
        row |= spread(name, group.values(METRIC, name))
    return row


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return labelled_table(table, PAGE["columns"]) + _NOTE


_NOTE = (
    "\nWeights: how well each metric ranks the methods' models by closeness to the oracle "
    "(metric_reliability). An oracle has no distance to itself, so its AD and JS are 0.\n"
)
