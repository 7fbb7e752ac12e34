"""Table 3: can oracles be told apart? p-values for every pair of them.

The samples are the retain data, and the forget items that both were asked: forget sets are nested.
"""

import pandas as pd

from lethe.report.paper.cells import pivot, retain_cells, table
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.table_layout import markdown_table

NUMBER = "Table 3"
TITLE = "KS p-values between oracles"
CAPTION = """
**Table 3: can oracles be told apart?** Two-sided, exact Kolmogorov-Smirnov p-values between the
truth ratios of each two oracles, on the retain set and on the forget items that both were asked
(*n*, paired by the text of the question). They should be high.
"""
FILE = "table3_retain_models"
READS = "records"
RUNS = ("retain",)
METRICS = ("truth_ratio", "forget_quality")
# A single oracle has nothing to be compared with.
LEAST_SPLITS = 2


def build(data: ExhibitData) -> pd.DataFrame:
    """A row for each model, set and pair of oracles: p, statistic, n."""
    cells = [cell for model in data.models for cell in retain_cells(model, data.splits)]
    return table(cells, data.evaluations)


def markdown(tests: pd.DataFrame) -> str:
    """A column for each pair of oracles, as in the paper."""
    tests = tests.assign(comparison=tests["first"] + " – " + tests["second"])
    return markdown_table(pivot(tests, {"model": "Model", "data": "Data"}))
