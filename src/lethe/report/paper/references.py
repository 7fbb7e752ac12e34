"""Table 4: each oracle against the finetuned, the pretrained and the random model (p-values)."""

from collections.abc import Sequence

import pandas as pd

from lethe.report.labels import run_label
from lethe.report.paper.cells import pivot, reference_cells, table
from lethe.report.paper.evaluations import Evaluations
from lethe.report.table_layout import markdown_table


def build(evaluations: Evaluations, splits: Sequence[str]) -> pd.DataFrame:
    """A row for each model, set, oracle and reference: p, statistic, n."""
    cells = [cell for model in evaluations.models for cell in reference_cells(model, splits)]
    return table(cells, evaluations)


def markdown(found: pd.DataFrame) -> str:
    """A row for each oracle, a column for each reference, as the paper has them."""
    found = found.assign(comparison=found["second"].map(run_label).str.capitalize())
    return markdown_table(pivot(found, {"model": "Model", "data": "Data", "first": "Oracle"}))
