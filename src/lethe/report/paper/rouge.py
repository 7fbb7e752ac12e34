"""Table 2: ROUGE-L recall on samples of the fine-tuning data, before and after fine-tuning."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lethe.report.labels import BASE, FULL, run_label
from lethe.report.paper.cells import SETS, largest_first
from lethe.report.paper.evaluations import Evaluations
from lethe.report.table_layout import markdown_table

RUNS = (BASE, FULL)


def build(evaluations: Evaluations, splits: Sequence[str]) -> pd.DataFrame:
    """Mean recall of each model before and after, over the ``n`` recorded fine-tuning samples.

    Those are the retain probes and the forget probes of the largest split.
    """
    split = largest_first(splits)[0]
    rows = []
    for model in evaluations.models:
        for run in RUNS:
            found = evaluations.get(model, run, split)
            recalls = [recall for name in SETS for recall in found.recalls(name)]
            mean = float(np.mean(recalls))
            rows.append({"model": model, "run": run, "rouge": mean, "n": len(recalls)})
    return pd.DataFrame(rows)


def markdown(found: pd.DataFrame) -> str:
    """A row for each model, a column before and one after."""
    rows = []
    for model, part in found.groupby("model", sort=False):
        recalls = {
            run_label(run): f"{r:.4f}" for run, r in zip(part["run"], part["rouge"], strict=True)
        }
        rows.append({"Model": model, **recalls, "n": int(part["n"].iloc[0])})
    return markdown_table(rows)
