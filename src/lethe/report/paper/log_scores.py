"""The numbers behind model utility, from evaluation logs, as rows for ``lethe.report.tables``.

The finetuned model is paired with each oracle, so that a split's tables and figures can be made.
"""

import os
from collections.abc import Iterable, Mapping

import pandas as pd

from lethe import metrics
from lethe.analysis import intervals, scores
from lethe.analysis.bootstrap import run_intervals
from lethe.analysis.log_scores import read_log
from lethe.metrics.base import MetricFile
from lethe.report.labels import FULL, RETAIN, UTILITY_SETS
from lethe.report.paper.logs import pairs

NINE = ("probability", "rouge", "truth_ratio")
UTILITY = ("model_utility", "retain_utility")


def build(entries: Iterable[Mapping], variant: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of all pairs, and their intervals over items: the nine numbers and their means."""
    entries = list(entries)
    paths = {(entry["model"], entry["run"], entry["split"]): entry["path"] for entry in entries}
    measured = {path: _measured(path, variant) for path in dict.fromkeys(paths.values())}
    values, ends = [], []
    for model, split in pairs(entries):
        for run, own in ((FULL, None), (RETAIN, split)):
            files = measured[paths[model, run, own]]
            place = (model, split, run, 0, 0)
            for metric, file in files.items():
                numbers = file.checkpoints[0].values
                values += [
                    (*place, 0, metric, name, numbers[name]) for name in numbers if _belongs(name)
                ]
            for (_, *key), (low, high) in run_intervals(files).items():
                ends += [(*place, *key, float(low), float(high))] if _belongs(key[1]) else []
    return (
        pd.DataFrame(values, columns=scores.COLUMNS),
        pd.DataFrame(ends, columns=intervals.COLUMNS),
    )


def _belongs(name: str) -> bool:
    """The finetuned log's forget items belong to one split, so their numbers are left out."""
    return name in UTILITY_SETS or name in UTILITY


def _measured(path: str | os.PathLike, variant: str) -> dict[str, MetricFile]:
    """Metrics of a log by name."""
    records = read_log(path)
    files = {
        name: metrics.compute(name, records, **({"variant": variant} if name == NINE[2] else {}))
        for name in NINE
    }
    return files | {"model_utility": metrics.compute("model_utility", needs=files)}
