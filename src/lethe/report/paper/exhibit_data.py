"""The data behind an exhibit, and the writing of its files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from lethe.analysis.intervals import Intervals, read_intervals
from lethe.analysis.log_scores import read_log
from lethe.analysis.scores import read_scores
from lethe.evaluate.records import read_records
from lethe.report.figures.base import FigureData
from lethe.report.outputs import write_outputs
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.exhibit import EXHIBITS
from lethe.world.rows import read_qa


@dataclass(frozen=True)
class ExhibitData:
    """The models and splits that an exhibit is about, and the data that its ``READS`` names.

    ``beside``: the model that a single one is compared with, if any. ``methods``: the method of
    each run. ``texts``: answers by the name of their world or data file. ``scores`` and
    ``intervals`` are as ``read_scores`` and ``read_intervals`` return them.
    """

    models: Sequence[str] = ()
    splits: Sequence[str] = ()
    beside: str | None = None
    methods: Mapping[str, str] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    scores: pd.DataFrame | None = None
    intervals: Intervals = field(default_factory=dict)
    evaluations: Evaluations | None = None
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def panels(self) -> list[FigureData]:
        """The scores of each model and split, model by model."""
        return [
            FigureData.of(self.scores, model, split, list(self.methods), self.seeds)
            for model in self.models
            for split in self.splits
        ]


def write(
    name: str,
    files: Mapping[str, str | os.PathLike],
    scores: str | os.PathLike | None = None,
    intervals: str | os.PathLike | None = None,
    records: Iterable[Mapping] = (),
    logs: Iterable[Mapping] = (),
    rows: Mapping[str, str | os.PathLike] | None = None,
    variant: str = "geometric",
    **about,
) -> None:
    """Make an exhibit from files and write its outputs, paths by suffix.

    ``records`` and ``logs`` are entries as ``Evaluations`` takes them, ``rows`` data files by the
    name of their text, ``about`` the fields of ``ExhibitData`` that the configuration gives.

    Raises:
        LetheError: there is no such exhibit, or a file lacks something that it shows.
    """
    module = EXHIBITS.load(name)
    entries, read = (logs, read_log) if logs else (records, read_records)
    texts = {name: [row["answer"] for row in read_qa(file)] for name, file in (rows or {}).items()}
    data = ExhibitData(
        **about,
        scores=read_scores(scores) if scores else None,
        intervals=read_intervals(intervals) if intervals else {},
        evaluations=Evaluations(entries, variant, read) if entries else None,
        texts=texts,
    )
    write_outputs(module, files, data)
