"""The data behind a figure: scores of one model and split, and single items on demand."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from lethe.analysis.intervals import Intervals
from lethe.analysis.scores import source
from lethe.analysis.statistics import Distances, oracle_pairs, seed_interval
from lethe.common.errors import LetheError
from lethe.metrics.base import read_metric
from lethe.report.labels import FULL, RETAIN


@dataclass(frozen=True)
class Course:
    """One number over a run: its value at each epoch, and the optimiser steps taken by then."""

    epochs: np.ndarray
    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class FigureData:
    """The scores of one model and split, and the paths of its metric files.

    ``methods`` and ``seeds`` are the configuration's, in its order. ``files`` maps a run, a seed
    and a metric to a metric file; only figures of single items or of the noise floor need it.
    ``intervals`` are the intervals over items, drawn if there is one seed. ``costs`` is the
    table of costs, for figures that read it. ``oracle`` is the run of the split's oracle.
    ``defences`` are the entries of pairs of defences, as ``lethe.analysis.defences`` reads them.
    """

    scores: pd.DataFrame
    model: str
    split: str
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    files: Mapping[tuple[str, int, str], str] = field(default_factory=dict)
    intervals: Intervals = field(default_factory=dict)
    costs: pd.DataFrame | None = None
    oracle: str = RETAIN
    # The scores of the split, of all models.
    of_models: pd.DataFrame | None = None
    # The table of lineage, of this model and split.
    lineage: pd.DataFrame | None = None
    defences: Sequence[Mapping] = ()
    # The entries of graphs that models made from what they know.
    supervisions: Sequence[Mapping] = ()
    # The model's splits by the share of all facts that they forget, if a figure compares them.
    by_share: Mapping[float, "FigureData"] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        scores: pd.DataFrame,
        model: str,
        split: str,
        methods: Sequence[str],
        seeds: Sequence[int],
        entries: Iterable[Mapping] = (),
        intervals: Intervals | None = None,
        costs: pd.DataFrame | None = None,
        oracle: str = RETAIN,
        lineage: pd.DataFrame | None = None,
        defences: Sequence[Mapping] = (),
        supervisions: Sequence[Mapping] = (),
    ) -> "FigureData":
        """Select one model and split from ``scores`` and ``entries`` (as in ``collect_scores``).

        Every method must have scores: a figure that silently lacks one would mislead.
        """
        own = scores[(scores["model"] == model) & (scores["split"] == split)]
        methods, seeds = tuple(dict.fromkeys(methods)), tuple(int(seed) for seed in seeds)
        for name, given in (("methods", methods), ("seeds", seeds)):
            if not given:
                raise LetheError(f"{name}: none given for the figures; name at least one")
        present = set(own["run"])
        for run in (FULL, oracle, *methods):
            if run not in present:
                raise LetheError(
                    f"{source(scores)}: no rows for {model}/{split}/{run}; score that run"
                )
        files = {
            (entry["run"], int(entry["seed"]), entry["metric"]): entry["path"]
            for entry in entries
            if (entry["model"], entry["split"]) == (model, split)
        }
        others = scores[scores["split"] == split]
        pairs = [one for one in defences if (one["model"], one["split"]) == (model, split)]
        more = (intervals or {}, costs, oracle, others, _of_place(lineage, model, split), pairs)
        return cls(own, model, split, methods, seeds, files, *more, supervisions)

    def with_shares(
        self, scores: pd.DataFrame, shares: Iterable[Mapping], intervals: Intervals | None = None
    ) -> "FigureData":
        """The same with ``by_share``, smallest share first.

        ``shares``: the ``split``, ``share`` (between 0 and 1) and ``oracle`` of each split.
        """
        chosen = (self.methods, self.seeds, (), intervals)
        by_share = {
            float(one["share"]): FigureData.of(
                scores, self.model, one["split"], *chosen, oracle=one["oracle"]
            )
            for one in sorted(shares, key=lambda one: one["share"])
        }
        return replace(self, by_share=by_share)

    def _place(self, run: str, seed: int) -> str:
        """A run's name in messages."""
        return f"{source(self.scores)}: {self.model}/{self.split}/{run}/seed{seed}"

    def measured(self, metric: str) -> bool:
        """Whether a metric was computed at all."""
        return bool((self.scores["metric"] == metric).any())

    def course(self, run: str, metric: str, name: str, seed: int) -> Course:
        """A value of a metric at every epoch of a run."""
        course = self._courses.get((run, seed, metric, name))
        if course is None:
            raise LetheError(f"{self._place(run, seed)} has no {metric}.{name}; score that run")
        return course

    @cached_property
    def _courses(self) -> dict[tuple[str, int, str, str], Course]:
        """All courses, selected from the scores in one pass: one by one would take seconds."""
        parts = self.scores.sort_values("epoch").groupby(["run", "seed", "metric", "name"])
        return {
            place: Course(*(part[column].to_numpy() for column in ("epoch", "step", "value")))
            for place, part in parts
        }

    def courses(self, run: str, metric: str, name: str) -> list[Course]:
        """``course`` for each seed; all must have the same epochs, so that they can be averaged."""
        courses = [self.course(run, metric, name, seed) for seed in self.seeds]
        for seed, course in zip(self.seeds, courses, strict=True):
            if not np.array_equal(course.epochs, courses[0].epochs):
                raise LetheError(
                    f"{self._place(run, seed)} has {metric}.{name} at other epochs than the first "
                    "seed; score the same checkpoints of each"
                )
        return courses

    def mean(self, run: str, metric: str, name: str) -> Course:
        """The mean over seeds, epoch by epoch."""
        courses = self.courses(run, metric, name)
        values = np.mean([course.values for course in courses], axis=0)
        return Course(courses[0].epochs, courses[0].steps, values)

    def interval(self, run: str, metric: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the interval at every epoch; NaN where there is none.

        The interval is over seeds, or over items if there is one seed.
        """
        courses = self.courses(run, metric, name)
        if len(courses) > 1:
            columns = np.column_stack([course.values for course in courses])
            ends = [seed_interval(values) for values in columns]
        else:
            place = (self.model, self.split, run, self.seeds[0])
            none = (np.nan, np.nan)
            ends = [
                self.intervals.get((*place, int(epoch), metric, name), none)
                for epoch in courses[0].epochs
            ]
        low, high = np.array(ends).T
        return low, high

    def oracle_pairs(self) -> Distances | None:
        """Forget quality of the oracles against each other; None if there are fewer than two."""
        paths = [
            path
            for (run, _, metric), path in self.files.items()
            if (run, metric) == (self.oracle, "truth_ratio")
        ]
        return oracle_pairs([read_metric(path, "truth_ratio") for path in paths])

    def last(self, run: str, metric: str, name: str) -> np.ndarray:
        """The value at the last epoch, for each seed."""
        return np.array([course.values[-1] for course in self.courses(run, metric, name)])

    def items(
        self,
        run: str,
        metric: str,
        set_name: str,
        epoch: int | None = None,
        seed: int | None = None,
    ) -> np.ndarray:
        """A metric's values by item; by default at the last epoch, of the first seed."""
        seed = self.seeds[0] if seed is None else seed
        path = self.files.get((run, seed, metric))
        if path is None:
            raise LetheError(
                f"figure data: no {metric} file given for {self.model}/{self.split}/{run}"
                f"/seed{seed}; add it to the figure's inputs"
            )
        checkpoints = {point.epoch: point for point in read_metric(path, metric).checkpoints}
        epoch = max(checkpoints) if epoch is None else epoch
        if epoch not in checkpoints:
            raise LetheError(f"{path}: no epoch {epoch}; choose from {sorted(checkpoints)}")
        items = checkpoints[epoch].items or {}
        if not len(items.get(set_name, ())):
            raise LetheError(f"{path}: no items of the set {set_name!r}; score the run again")
        return np.asarray(items[set_name], dtype=float)


def _of_place(table: pd.DataFrame | None, model: str, split: str) -> pd.DataFrame | None:
    """The rows of a table that belong to a model and a split."""
    if table is None:
        return None
    return table[(table["model"] == model) & (table["split"] == split)]


def read_lineage(path: str | os.PathLike) -> pd.DataFrame:
    """The table of lineage from its CSV file; a run as it is has the state ""."""
    table = pd.read_csv(path, keep_default_na=False)
    numbers = ["probability", "fact_recall", "ngram_overlap"]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})
