"""What past runs say of methods: how often each succeeded, from their tables of scores.

A run succeeds if the oracle cannot be told from it and it keeps the full model's utility: forget
quality above 0.05, and at least nine tenths of model utility [RECON].
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from lethe.analysis.scores import read_scores
from lethe.common.errors import LetheError

QUALITY, KEPT = 0.05, 0.9
TABLE = "name results/WORLD/tables/scores.csv"
FULL = "full"
# Model, split, run and seed.
Place = tuple[str, str, str, int]


@dataclass(frozen=True)
class Outcome:
    """A run at its last epoch: whether the oracle can be told from it, and what it cost."""

    forgets: bool
    keeps_utility: bool

    @property
    def succeeds(self) -> bool:
        """Both."""
        return self.forgets and self.keeps_utility


def success(files: Iterable[str]) -> dict[str, float]:
    """The share of runs that succeeded, by method, over all models, splits and seeds.

    ``files``: ``scores.csv`` of worlds. LetheError for a file without both metrics.
    """
    by_run: dict[str, list[bool]] = {}
    for file in files:
        for (_, _, run, _), outcome in outcomes(read_scores(file, TABLE), file).items():
            by_run.setdefault(run, []).append(outcome.succeeds)
    return {run: sum(done) / len(done) for run, done in by_run.items()}


def outcomes(scores: pd.DataFrame, file: str) -> dict[Place, Outcome]:
    """How each run ended. LetheError for a table without both metrics."""
    place = ["model", "split", "run", "seed"]
    last = scores[scores["epoch"] == scores.groupby(place)["epoch"].transform("max")]
    quality = _by_place(last, "forget_quality", "forget_quality")
    utility = _by_place(last, "model_utility", "model_utility")
    if not quality or not utility:
        raise LetheError(
            f"{file}: no forget_quality and model_utility in it; name scores.csv of a run with both"
        )
    ends = {}
    for (model, split, run, seed), p in quality.items():
        full = utility.get((model, split, FULL, seed))
        own = utility.get((model, split, run, seed))
        if run != FULL and None not in (full, own):
            ends[model, split, run, seed] = Outcome(p > QUALITY, own >= KEPT * full)
    return ends


def _by_place(scores: pd.DataFrame, metric: str, name: str) -> dict[Place, float]:
    rows = scores[(scores["metric"] == metric) & (scores["name"] == name)]
    columns = ("model", "split", "run", "seed", "value")
    return {tuple(one[:4]): float(one[4]) for one in rows[list(columns)].itertuples(index=False)}
