"""Two runs side by side: every value of both, and the difference with its interval over items.

The runs were measured on the same rows, so the difference of means is the mean of differences by
item: its interval is the percentile interval of resampled differences (``docs/statistics.md``),
narrower than two separate intervals suggest. Rows are compared by their questions before anything
is paired.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lethe import metrics
from lethe.analysis.bootstrap import averaged
from lethe.analysis.statistics import percentile_interval, resampled_means
from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate.records import Records, read_records
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric

COLUMNS = ["metric", "name", "a", "b", "difference", "low", "high", "items"]


@dataclass(frozen=True)
class Run:
    """A run's folder, ``results/WORLD/MODEL/SPLIT/RUN/seedN``; ``epoch``: None for its last."""

    folder: Path
    epoch: int | None = None

    @cached_property
    def files(self) -> dict[str, MetricFile]:
        """Its metric files by name. LetheError for a folder without any."""
        paths = sorted((self.folder / "metrics").glob("*.json"))
        known = {path.stem: path for path in paths if path.stem in metrics.names()}
        if not known:
            raise LetheError(
                f"{self.folder}: no metric files; name a run's folder, "
                "results/WORLD/MODEL/SPLIT/RUN/seedN"
            )
        return {name: read_metric(path, name) for name, path in known.items()}

    def checkpoint(self, metric: str) -> CheckpointValues:
        """A metric's values at the epoch. LetheError if that epoch was not evaluated."""
        points = self.files[metric].checkpoints
        if self.epoch is None:
            return points[-1]
        at_epoch = [point for point in points if point.epoch == self.epoch]
        if not at_epoch:
            have = ", ".join(str(point.epoch) for point in points)
            raise LetheError(f"{self.folder}: no epoch {self.epoch} of {metric}; it has {have}")
        return at_epoch[0]

    def questions(self, metric: str, name: str) -> list[str] | None:
        """The questions behind the items ``name`` of a metric; None if they are not on record."""
        point = self.checkpoint(metric)
        if name in point.questions:
            return point.questions[name]
        records = self._records.get(metrics.contract(metric).suite)
        if records is None:
            return None
        recorded = next((c for c in records.checkpoints if c.epoch == point.epoch), None)
        if recorded is None or name not in recorded.sets:
            return None
        return recorded.sets[name].question

    def asked(self, suite: str) -> dict[str, tuple[list[str], list[str]]]:
        """Questions and answers by set, as its records of a suite have them; empty without any."""
        if suite not in self._records:
            return {}
        sets = self._records[suite].checkpoints[-1].sets
        return {name: (items.question, items.answer) for name, items in sets.items()}

    @cached_property
    def _records(self) -> Mapping[str, Records]:
        paths = sorted((self.folder / "records").glob("*.json"))
        return {path.stem: read_records(path) for path in paths}


def compare(a: Run, b: Run, wanted: Sequence[str] | None = None) -> pd.DataFrame:
    """A row for each value that both have: both values, b - a, its 95% interval, and the items.

    ``low``, ``high`` and ``items`` are empty for values that are not means over items, and if the
    rows are not on record. ``wanted``: metrics, by default all that both have. LetheError for a
    metric that one of them lacks, for metrics computed with different settings, and for runs
    measured on other rows.
    """
    common = [name for name in a.files if name in b.files]
    for name in wanted or ():
        if name not in common:
            lacking = b.folder if name in a.files else a.folder
            raise LetheError(f"{lacking}: no metric {name!r}{suggest(name, common)}")
    if not common:
        raise LetheError(
            f"{a.folder} and {b.folder}: no metric in common; evaluate both in the same way"
        )
    common = [name for name in common if wanted is None or name in wanted]
    _check_asked(common, a, b)
    rows = [row for metric in common for row in _rows(metric, a, b)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"items": "Int64"})


def _check_asked(wanted: Sequence[str], a: Run, b: Run) -> None:
    """LetheError if a suite that a metric reads asked the runs other rows, where that is recorded.

    Values that are no means over items depend on their rows as well, and so do answers' values.
    """
    for suite in dict.fromkeys(metrics.contract(name).suite for name in wanted):
        own, theirs = a.asked(suite), b.asked(suite)
        for name in own:
            if name in theirs and own[name] != theirs[name]:
                raise _other_rows(f"{suite}, {name}", a, b)


def _other_rows(place: str, a: Run, b: Run) -> LetheError:
    return LetheError(
        f"{place}: {a.folder} and {b.folder} were measured on other rows; "
        "compare runs of one world and split, evaluated on the same items"
    )


def _rows(metric: str, a: Run, b: Run) -> Iterator[tuple]:
    settings = (a.files[metric].settings, b.files[metric].settings)
    if settings[0] != settings[1]:
        raise LetheError(
            f"{metric}: {a.folder} has the settings {settings[0]}, {b.folder} {settings[1]}; "
            "score both with the same"
        )
    one, other = a.checkpoint(metric), b.checkpoint(metric)
    means = (averaged(metric, one), averaged(metric, other))
    for name, value in one.values.items():
        if name not in other.values:
            continue
        numbers = (value, other.values[name], other.values[name] - value)
        paired = all(name in of_run for of_run in means) and _same_rows(metric, name, a, b)
        if not paired:
            yield (metric, name, *numbers, np.nan, np.nan, pd.NA)
            continue
        differences = means[1][name] - means[0][name]
        draws = resampled_means(differences[:, None], name)[:, 0]
        yield (metric, name, *numbers, *map(float, percentile_interval(draws)), len(differences))


def _same_rows(metric: str, name: str, a: Run, b: Run) -> bool:
    """Whether both recorded their rows. LetheError if the rows differ."""
    own, theirs = a.questions(metric, name), b.questions(metric, name)
    if own is None or theirs is None:
        return False
    if own != theirs:
        raise _other_rows(f"{metric}, {name}", a, b)
    return True
