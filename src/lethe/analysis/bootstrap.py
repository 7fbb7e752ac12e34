"""Bootstrap intervals over items, from metric files.

A value has an interval if it is the mean over its set's items, as probability, ROUGE and (by
``truth_ratio.scores``) the truth ratio are: the percentile interval. Model utility, a harmonic mean
of such means, has a studentised one. Forget quality has none; ``docs/statistics.md`` says why.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd

from lethe.analysis.intervals import COLUMNS, NUMBERS
from lethe.analysis.statistics import percentile_interval, resampled_means
from lethe.analysis.utility_interval import SetMoments, utility_interval
from lethe.metrics import model_utility, truth_ratio
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric

# (epoch, metric, set) within a single run; for a product of values, both metrics.
_Key = tuple[int, str | tuple[str, str], str]


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
    samples = {
        (checkpoint.epoch, metric, name): items
        for metric, file in files.items()
        for checkpoint in file.checkpoints
        for name, items in averaged(metric, checkpoint).items()
    }
    draws = _draws(samples)
    intervals = {key: percentile_interval(drawn) for key, drawn in draws.items()}
    if "model_utility" in files:
        moments = _moments(samples, draws)
        for checkpoint in files["model_utility"].checkpoints:
            intervals |= _utility(moments, checkpoint.epoch)
    return intervals


def averaged(metric: str, checkpoint: CheckpointValues) -> dict[str, np.ndarray]:
    """By set, the items whose mean is a value of the checkpoint."""
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


# All pairs of the metrics behind model utility, row by row.
_PAIRS = tuple(product(model_utility.NEEDS, repeat=2))
# For one set at one epoch: the moments of its items, and those over resamples.
_Moments = tuple[SetMoments, SetMoments]


def _moments(
    samples: Mapping[_Key, np.ndarray], draws: Mapping[_Key, np.ndarray]
) -> dict[tuple[int, str], _Moments]:
    """By epoch and set, what model utility needs; none where a part is not a mean of items."""
    whole = [
        (epoch, name)
        for epoch, metric, name in samples
        if metric == model_utility.NEEDS[0] and name in model_utility.SETS
        if all((epoch, m, name) in samples for m in model_utility.NEEDS)
    ]
    products = {
        (epoch, pair, name): samples[epoch, pair[0], name] * samples[epoch, pair[1], name]
        for epoch, name in whole
        for pair in _PAIRS
    }
    values, drawn, resampled = samples | products, draws | _draws(products), {}
    for epoch, name in whole:
        n = len(samples[epoch, model_utility.NEEDS[0], name])
        columns = [(epoch, key, name) for key in (*model_utility.NEEDS, *_PAIRS)]
        own = np.array([values[column].mean() for column in columns])
        over = np.column_stack([drawn[column] for column in columns])
        resampled[epoch, name] = (_set_moments(n, own), _set_moments(n, over))
    return resampled


def _set_moments(n: int, numbers: np.ndarray) -> SetMoments:
    """From the means of the metrics and then of their pairs, [..., m + m * m]."""
    count = len(model_utility.NEEDS)
    products = numbers[..., count:].reshape(*numbers.shape[:-1], count, count)
    return SetMoments(n, numbers[..., :count], products)


def _utility(
    moments: Mapping[tuple[int, str], _Moments], epoch: int
) -> dict[_Key, tuple[float, float]]:
    """Intervals of model and retain utility; none where a set's moments are missing."""
    sets = {"model_utility": model_utility.SETS, "retain_utility": ("retain",)}
    return {
        (epoch, "model_utility", name): utility_interval(
            *zip(*(moments[epoch, part] for part in parts), strict=True)
        )
        for name, parts in sets.items()
        if all((epoch, part) in moments for part in parts)
    }
