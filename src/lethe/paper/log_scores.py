"""What makes up model utility, computed from evaluation logs: rows as ``tables.scores`` has them.

The finetuned model is put beside each oracle, so that tables and figures of a split can be drawn.
"""

import os
from collections.abc import Iterable, Mapping

import pandas as pd

from lethe import metrics
from lethe.logs.report import read_log
from lethe.paper.logs import pairs
from lethe.tables.labels import FULL, RETAIN, UTILITY_SETS
from lethe.tables.scores import COLUMNS

NINE = ("probability", "rouge", "truth_ratio")


def build(entries: Iterable[Mapping], variant: str) -> pd.DataFrame:
    """Tidy scores of all pairs: the numbers of the three sets of model utility, and their mean."""
    entries = list(entries)
    paths = {(entry["model"], entry["run"], entry["split"]): entry["path"] for entry in entries}
    numbers = {path: _numbers(path, variant) for path in dict.fromkeys(paths.values())}
    rows = []
    for model, split in pairs(entries):
        for run, place in ((FULL, None), (RETAIN, split)):
            found = numbers[paths[model, run, place]]
            rows += [(model, split, run, 0, 0, 0, *name, value) for name, value in found.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbers(path: str | os.PathLike, variant: str) -> dict[tuple[str, str], float]:
    """Values of a log by metric and name."""
    records = read_log(path)
    files = {
        name: metrics.compute(name, records, **({"variant": variant} if name == NINE[2] else {}))
        for name in NINE
    }
    values = {
        (metric, name): file.checkpoints[0].values[name]
        for metric, file in files.items()
        for name in UTILITY_SETS
    }
    utility = metrics.compute("model_utility", needs=files).checkpoints[0].values
    return values | {("model_utility", name): value for name, value in utility.items()}
