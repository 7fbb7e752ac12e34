"""Model utility and the nine numbers behind it, from scores of logs."""

import pandas as pd

from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.tables import utility
from lethe.report.tables.base import TableData

TITLE = "model utility"
CAPTION = """
**Model utility from evaluation logs**: probability, ROUGE-L recall and truth ratio on the retain
set, real authors and world facts, and their harmonic mean, of the finetuned model and of each
oracle.
"""
FILE = "utility"
READS = "log_scores"


def build(data: ExhibitData) -> pd.DataFrame:
    """The table ``utility``, without methods."""
    return utility.build(TableData((), (0,), data.scores, data.intervals))


def markdown(table: pd.DataFrame) -> str:
    """The same layout as the table of runs."""
    return utility.markdown(table)
