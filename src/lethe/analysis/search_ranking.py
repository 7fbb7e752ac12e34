"""Search over a method's declared ranges: equal budgets, chosen on one half, reported on the other.

A trial is a method of its own: a named setting of the class, with an ordinary run. The forget items
are halved in the order of their file, so that whole authors go to either half where their number is
even. Trials are ranked on the first half; what is reported is the second, which had no say.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lethe.common.errors import LetheError

FORMAT = 1
HALVES = ("validation", "test")


class Search(BaseModel):
    """``trials`` for each of ``methods``; the first is the method as it is configured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = Field(
        (), description="methods whose search spaces are searched ([comparison.md](comparison.md))"
    )
    trials: int = Field(4, ge=2, le=1000, description="trials of each method")
    strategy: Literal["random"] = Field("random", description="how trials are drawn")
    seed: int = Field(0, ge=0, description="of the draws")


def closeness(run: np.ndarray, oracle: np.ndarray) -> float:
    """1 - the Kolmogorov-Smirnov statistic of two sets of truth ratios: 1 is the oracle's own."""
    from scipy.stats import ks_2samp

    return 1 - float(ks_2samp(run, oracle).statistic)


def score(close: float, utility: float, full_utility: float) -> float:
    """Harmonic mean of closeness to the oracle and the share of full's model utility, at most 1."""
    kept = min(1.0, utility / full_utility) if full_utility > 0 else 0.0
    return 2 * close * kept / (close + kept) if close + kept > 0 else 0.0


def halves(items: Sequence[float]) -> dict[str, np.ndarray]:
    """The first and the second half of items."""
    values = np.asarray(items, dtype=float)
    middle = len(values) // 2
    return dict(zip(HALVES, (values[:middle], values[middle:]), strict=True))


def judged(
    changes: Mapping[str, Mapping[str, Any]],
    ratios: Mapping[str, str],
    utilities: Mapping[str, str],
    oracle: str,
    full: str,
) -> dict[str, Any]:
    """Rank trials: files of ``truth_ratio`` and ``model_utility`` by trial, oracle's and full's.

    Each trial at its last epoch. LetheError where a trial was asked other questions than the
    oracle.
    """
    from lethe.metrics.base import read_metric

    reference = read_metric(oracle, "truth_ratio").checkpoints[-1]
    whole = read_metric(full, "model_utility").checkpoints[-1].values["model_utility"]
    expected = halves(reference.items["forget"])
    rows = []
    for name, values in changes.items():
        found = read_metric(ratios[name], "truth_ratio").checkpoints[-1]
        if list(found.questions["forget"]) != list(reference.questions["forget"]):
            raise LetheError(f"{ratios[name]}: other forget items than {oracle}; make it again")
        utility = read_metric(utilities[name], "model_utility").checkpoints[-1]
        utility = utility.values["model_utility"]
        row = {"trial": name, "settings": dict(values), "model_utility": utility}
        for half, own in halves(found.items["forget"]).items():
            close = closeness(own, expected[half])
            row[f"{half}_closeness"], row[half] = close, score(close, utility, whole)
        rows.append(row)
    best = max(rows, key=lambda row: row["validation"])
    return {"format": FORMAT, "trials": rows, "chosen": best["trial"]}
