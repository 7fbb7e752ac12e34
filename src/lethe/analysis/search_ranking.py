"""Search over a method's declared ranges: equal budgets, chosen on one half, reported on the other.

A trial is a method in its own right: the class with certain settings under a name, and an ordinary
run. The forget items are halved in the order of their file; if the number of authors is even, no
author is split. Trials are ranked on the first half and reported on the second, which is not used
for the choice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lethe.common.errors import LetheError

FORMAT = 1
HALVES = ("validation", "test")


def closeness(run: np.ndarray, oracle: np.ndarray) -> float:
    """1 - the Kolmogorov-Smirnov statistic of two sets of truth ratios; the oracle itself has 1."""
    from scipy.stats import ks_2samp

    return 1 - float(ks_2samp(run, oracle).statistic)


def score(close: float, utility: float, full_utility: float) -> float:
    """Harmonic mean of closeness to the oracle and the share of full's utility, at most 1."""
    share = min(1.0, utility / full_utility) if full_utility > 0 else 0.0
    return 2 * close * share / (close + share) if close + share > 0 else 0.0


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
    """Rank trials by their files of ``truth_ratio`` and ``model_utility``, each at its last epoch.

    ``oracle``, ``full``: the oracle's file of truth ratios, the full model's of model utility.
    LetheError where a trial and the oracle were asked different questions.
    """
    from lethe.metrics.base import read_metric

    reference = read_metric(oracle, "truth_ratio").checkpoints[-1]
    whole = read_metric(full, "model_utility").checkpoints[-1].values["model_utility"]
    expected = halves(reference.items["forget"])
    rows = []
    for name, values in changes.items():
        trial = read_metric(ratios[name], "truth_ratio").checkpoints[-1]
        if list(trial.questions["forget"]) != list(reference.questions["forget"]):
            raise LetheError(f"{ratios[name]}: other forget items than {oracle}; make it again")
        utility = read_metric(utilities[name], "model_utility").checkpoints[-1]
        utility = utility.values["model_utility"]
        row = {"trial": name, "settings": dict(values), "model_utility": utility}
        for half, own in halves(trial.items["forget"]).items():
            close = closeness(own, expected[half])
            row[f"{half}_closeness"], row[half] = close, score(close, utility, whole)
        rows.append(row)
    best = max(rows, key=lambda row: row["validation"])
    return {"format": FORMAT, "trials": rows, "chosen": best["trial"]}
