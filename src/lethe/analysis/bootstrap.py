"""Bootstrap intervals over items, from metric files.

A value has an interval if it is the mean over its set's items, as probability, ROUGE and (by
``truth_ratio.scores``) the truth ratio are, or a harmonic mean of such means. Forget quality has
none; ``docs/statistics.md`` says why.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from lethe.analysis.intervals import COLUMNS, NUMBERS
from lethe.analysis.statistics import percentile_interval, resampled_means, utility_draws
from lethe.metrics import model_utility, truth_ratio
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric

# (epoch, metric, set) within a single run.
_Key = tuple[int, str, str]


def collect_intervals(entries: Iterable[Mapping]) -> pd.DataFrame:
    """The intervals of all runs, in the order of ``entries`` (as for ``collect_scores``)."""
    runs: dict[tuple, dict[str, MetricFile]] = defaultdict(dict)
    for entry in entries:
        place = (entry["model"], entry["split"], entry["run"], int(entry["seed"]))
        runs[place][entry["metric"]] = read_metric(entry["path"], entry["metric"])
    rows = [
        (*place, *key, float(low), float(high))
        for place, files in runs.items()
        for key, (low, high) in run_intervals(files).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype(NUMBERS)


def run_intervals(files: Mapping[str, MetricFile]) -> dict[_Key, tuple[float, float]]:
    """Intervals of one run's values, by epoch, metric and name; ``files`` by metric."""
    draws = _draws(
        {
            (checkpoint.epoch, metric, name): items
            for metric, file in files.items()
            for checkpoint in file.checkpoints
            for name, items in _averaged(metric, checkpoint).items()
        }
    )
    if "model_utility" in files:
        for checkpoint in files["model_utility"].checkpoints:
            draws |= _utility(draws, checkpoint.epoch)
    return {key: percentile_interval(drawn) for key, drawn in draws.items()}


def _averaged(metric: str, checkpoint: CheckpointValues) -> dict[str, np.ndarray]:
    """By set, the items of which a value of the checkpoint is the mean."""
    averaged = {}
    for name in checkpoint.items.keys() & checkpoint.values.keys():
        items = np.asarray(checkpoint.items[name], dtype=float)
        if metric == "truth_ratio":
            items = truth_ratio.scores(name, np.log(items))
        if np.isclose(items.mean(), checkpoint.values[name], rtol=1e-9, atol=1e-12):
            averaged[name] = items
    return {name: averaged[name] for name in checkpoint.values if name in averaged}


def _draws(samples: Mapping[_Key, np.ndarray]) -> dict[_Key, np.ndarray]:
    """Resampled means of each sample; samples of one set and size share their resamples."""
    alike = defaultdict(list)
    for key, items in samples.items():
        alike[key[-1], len(items)].append(key)
    drawn = {}
    for (name, _), keys in alike.items():
        means = resampled_means(np.column_stack([samples[key] for key in keys]), name)
        drawn |= dict(zip(keys, means.T, strict=True))
    return {key: drawn[key] for key in samples}


def _utility(draws: Mapping[_Key, np.ndarray], epoch: int) -> dict[_Key, np.ndarray]:
    """Model and retain utility of the resamples; none where a part is not a mean over items."""
    parts = {
        "model_utility": [(epoch, m, s) for s in model_utility.SETS for m in model_utility.NEEDS],
        "retain_utility": [(epoch, m, "retain") for m in model_utility.NEEDS],
    }
    return {
        (epoch, "model_utility", name): utility_draws([draws[key] for key in keys])
        for name, keys in parts.items()
        if all(key in draws for key in keys)
    }
