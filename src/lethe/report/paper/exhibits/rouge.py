"""Table 2: ROUGE-L recall on samples of the fine-tuning data, before and after fine-tuning."""

import numpy as np
import pandas as pd

from lethe.report.labels import run_label
from lethe.report.paper.cells import SETS, largest_first
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.table_layout import markdown_table

NUMBER = "Table 2"
TITLE = "ROUGE-L recall on fine-tuning samples"
CAPTION = """
**Table 2: ROUGE-L recall on samples of the fine-tuning data** before (pretrained) and after
fine-tuning. The *n* samples are the recorded items of the retain set and of the largest forget set.
"""
FILE = "table2_rouge"
READS = "records"
RUNS = ("base", "full")
METRICS = ("rouge",)


def build(data: ExhibitData) -> pd.DataFrame:
    """Mean recall of each model before and after, over the ``n`` recorded fine-tuning samples.

    Those are the retain probes and the forget probes of the largest split.
    """
    split = largest_first(data.splits)[0]
    rows = []
    for model in data.models:
        for run in RUNS:
            evaluation = data.evaluations.get(model, run, split)
            recalls = [recall for name in SETS for recall in evaluation.recalls(name)]
            mean = float(np.mean(recalls))
            rows.append({"model": model, "run": run, "rouge": mean, "n": len(recalls)})
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """A row for each model, a column before and one after."""
    rows = []
    for model, part in table.groupby("model", sort=False):
        recalls = {
            run_label(run): f"{r:.4f}" for run, r in zip(part["run"], part["rouge"], strict=True)
        }
        rows.append({"Model": model, **recalls, "n": int(part["n"].iloc[0])})
    return markdown_table(rows)
