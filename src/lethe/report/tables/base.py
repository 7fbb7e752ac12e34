"""The data behind a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lethe.analysis.intervals import Intervals
from lethe.report.labels import RETAIN


@dataclass(frozen=True)
class TableData:
    """The configuration's methods and seeds, and the data that the table's ``READS`` names.

    ``scores`` are as ``read_scores`` returns them, ``intervals`` as ``read_intervals`` does;
    ``files`` are entries of metric files, as ``collect_scores`` takes them, or of cost files.
    ``oracles`` are the runs of each split's oracles, first the one that forget quality is measured
    against; a split that is not listed has TOFU's one oracle. ``settings`` are the values of the
    configuration's keys that the table's ``SETTINGS`` names.
    """

    methods: Sequence[str]
    seeds: Sequence[int]
    scores: pd.DataFrame | None = None
    intervals: Intervals = field(default_factory=dict)
    files: Iterable[Mapping] = ()
    oracles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def roles(self, split: str) -> Sequence[str]:
        """The runs of a split's oracles, the default one first."""
        return self.oracles.get(split, (RETAIN,))
