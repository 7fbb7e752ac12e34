"""Table 3: can oracles be told apart? p-values between each two of them.

On the retain data, and on the forget items that both were asked: forget sets are nested.
"""

from collections.abc import Sequence

import pandas as pd

from lethe.report.paper.cells import pivot, retain_cells, table
from lethe.report.paper.evaluations import Evaluations
from lethe.report.table_layout import markdown_table


def build(evaluations: Evaluations, splits: Sequence[str]) -> pd.DataFrame:
    """A row for each model, set and pair of oracles: p, statistic, n."""
    cells = [cell for model in evaluations.models for cell in retain_cells(model, splits)]
    return table(cells, evaluations)


def markdown(found: pd.DataFrame) -> str:
    """A column for each pair of oracles, as the paper has them."""
    found = found.assign(comparison=found["first"] + " – " + found["second"])
    return markdown_table(pivot(found, {"model": "Model", "data": "Data"}))
