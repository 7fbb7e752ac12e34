"""What a table is made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from lethe.analysis.intervals import Intervals
from lethe.report.labels import RETAIN


@dataclass(frozen=True)
class TableData:
    """The configuration's methods and seeds, and what of the rest the table's ``READS`` names.

    ``scores`` are as ``read_scores`` has them, ``intervals`` as ``read_intervals``, and ``files``
    entries of metric files, as ``collect_scores`` has them, or of cost files. ``oracles`` are the
    runs of each split's oracles, the one that forget quality is measured against first; a split
    that is not there has TOFU's.
    """

    methods: Sequence[str]
    seeds: Sequence[int]
    scores: pd.DataFrame | None = None
    intervals: Intervals = field(default_factory=dict)
    files: Iterable[Mapping] = ()
    oracles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def roles(self, split: str) -> Sequence[str]:
        """The runs of a split's oracles, the default one first."""
        return self.oracles.get(split, (RETAIN,))
