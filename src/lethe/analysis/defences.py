"""Pairs of defences: exacerbation, order asymmetry and freezing, from the files of the pairs.

“Defenses at Odds” (arXiv 2605.14514): a pair exacerbates the first defence's risk if the second
defence raises it by more than a margin. Here the margin is the risk's own variation: its range
over seeds after the first defence alone, and at least ``MARGIN`` [RECON].
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lethe.evaluate.defence_pair import WHEN, WHOSE, Measured
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric
from lethe.unlearn.defence import FREE

METRIC = "defence"
# The least rise that counts, where seeds hardly differ.
MARGIN = 0.01
# The normal quantile of an interval of 95%.
Z = 1.959963984540054


def pair_file(measured: Measured) -> MetricFile:
    """The numbers of a pair for one seed: means as a metric's values, rows and layers as items.

    ``{of}_{when}`` is a mean risk; ``rise`` is the rise of the first risk by the second defence,
    ``success`` the fall of the second risk by it; the others are means over layers, that of the
    alignment over the layers that the second defence changed.
    """
    risks = {f"{of}_{when}": measured.risks[of][when] for of in WHOSE for when in WHEN}
    values = {name: float(np.mean(each)) for name, each in risks.items()}
    values["rise"] = values["first_after"] - values["first_between"]
    values["success"] = values["second_between"] - values["second_after"]
    changed = np.array(measured.layers["changed"]) > 0
    values["frozen"] = float((~changed).sum())
    for name, by_layer in measured.layers.items():
        if name != "changed":
            numbers = np.array(by_layer)[changed] if name == "alignment" else np.array(by_layer)
            values[name] = float(numbers.mean()) if len(numbers) else 0.0
    items = {f"risk_{name}": each for name, each in risks.items()} | measured.layers
    return MetricFile(METRIC, [CheckpointValues(0, 0, values, items)])


@dataclass(frozen=True)
class Pair:
    """A pair of one model and split with its seeds: ``values[name]`` [seeds], ``layers[name]``
    [seeds, layers]."""

    model: str
    split: str
    first: str
    second: str
    freezing: str
    seeds: Sequence[int]
    values: Mapping[str, np.ndarray]
    layers: Mapping[str, np.ndarray]

    def mean(self, name: str) -> float:
        return float(self.values[name].mean())

    @cached_property
    def spread(self) -> float:
        """The range over seeds of the first risk after the first defence; NaN for one seed."""
        alone = self.values["first_between"]
        return float(np.ptp(alone)) if len(alone) > 1 else math.nan

    @property
    def exacerbates(self) -> float:
        """The share of seeds whose first risk rises by more than the margin; NaN for one seed."""
        if math.isnan(self.spread):
            return math.nan
        return float((self.values["rise"] > max(self.spread, MARGIN)).mean())

    @property
    def conflicts(self) -> bool:
        """Whether the mean rise is more than the margin; False for one seed."""
        return self.mean("rise") > max(self.spread, MARGIN) and not math.isnan(self.spread)


def read_pairs(entries: Iterable[Mapping]) -> list[Pair]:
    """The pairs of these files, in their order; each entry names model, split, pair and seed."""
    grouped: dict[tuple, list[Mapping]] = {}
    for entry in entries:
        key = tuple(entry[name] for name in ("model", "split", "first", "second", "freezing"))
        grouped.setdefault(key, []).append(entry)
    return [_pair(key, some) for key, some in grouped.items()]


def _pair(key: tuple, entries: Sequence[Mapping]) -> Pair:
    points = [read_metric(entry["path"], METRIC).checkpoints[0] for entry in entries]
    names = [name for name in points[0].items if not name.startswith("risk_")]
    return Pair(
        *key,
        [int(entry["seed"]) for entry in entries],
        {name: np.array([point.values[name] for point in points]) for name in points[0].values},
        {name: np.array([point.items[name] for point in points]) for name in names},
    )


def asymmetry(pair: Pair, pairs: Iterable[Pair]) -> float:
    """The rise of a pair minus that of the same defences in the other order, over common seeds.

    NaN if the other order was not run.
    """
    wanted = (pair.model, pair.split, pair.second, pair.first, pair.freezing)
    for other in pairs:
        if (other.model, other.split, other.first, other.second, other.freezing) == wanted:
            theirs = dict(zip(other.seeds, other.values["rise"], strict=True))
            own = zip(pair.seeds, pair.values["rise"], strict=True)
            return float(np.mean([rise - theirs[seed] for seed, rise in own if seed in theirs]))
    return math.nan


def share_of_conflicts(pairs: Iterable[Pair]) -> tuple[int, int, float, float]:
    """How many unfrozen pairs exacerbate the first risk, of how many, and Wilson's 95% interval.

    Pairs of one seed, whose spread is not known, are left out; without any the interval is NaN.
    """
    judged = [pair for pair in pairs if pair.freezing == FREE and len(pair.seeds) > 1]
    hits, n = sum(pair.conflicts for pair in judged), len(judged)
    return hits, n, *wilson(hits, n)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of a share, 95%."""
    if n == 0:
        return math.nan, math.nan
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return middle - half, middle + half
