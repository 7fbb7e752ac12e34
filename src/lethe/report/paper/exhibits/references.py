"""Table 4: each oracle against the finetuned, the pretrained and the random model (p-values)."""

import pandas as pd

from lethe.report.labels import run_label
from lethe.report.paper.cells import pivot, reference_cells, table
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.table_layout import markdown_table

NUMBER = "Table 4"
TITLE = "KS p-values of oracles against other models"
CAPTION = """
**Table 4: each oracle against other models.** Two-sided, exact Kolmogorov-Smirnov p-values between
the truth ratios of an oracle and of the finetuned model, the model before fine-tuning (pretrained)
and one with random weights, on the retain set and on the oracle's own forget set.
"""
FILE = "table4_references"
READS = "records"
RUNS = ("retain", "full", "base", "random")
METRICS = ("truth_ratio", "forget_quality")


def build(data: ExhibitData) -> pd.DataFrame:
    """A row for each model, set, oracle and reference: p, statistic, n."""
    cells = [cell for model in data.models for cell in reference_cells(model, data.splits)]
    return table(cells, data.evaluations)


def markdown(tests: pd.DataFrame) -> str:
    """A row for each oracle, a column for each reference, as in the paper."""
    tests = tests.assign(comparison=tests["second"].map(run_label).str.capitalize())
    return markdown_table(pivot(tests, {"model": "Model", "data": "Data", "first": "Oracle"}))
