"""Search over a method's declared ranges: equal budgets, chosen on one half, reported on the other.

A trial is a method in its own right: a class with certain settings under a name, run as usual. The
forget items are halved in the order of their file; if the number of authors is even, no author is
split. Trials are ranked on the first half and reported on the second, which is not used for the
choice.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lethe.common.errors import LetheError

if TYPE_CHECKING:
    from lethe.metrics.base import CheckpointValues, MetricFile

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
    """The first and the second half of items; LetheError for fewer than two."""
    if len(items) < 2:
        raise LetheError(
            f"{len(items)} forget item cannot be halved into validation and test; "
            "raise evaluation.items.forget to at least 2"
        )
    values = np.asarray(items, dtype=float)
    middle = len(values) // 2
    return dict(zip(HALVES, (values[:middle], values[middle:]), strict=True))


def half_scores(
    run: "MetricFile",
    checkpoint: "CheckpointValues",
    utility: float,
    oracle: "MetricFile",
    full_utility: float,
) -> dict[str, float]:
    """Closeness to the oracle and score of one checkpoint, on each half.

    ``run`` and ``oracle`` are files of ``truth_ratio``, ``checkpoint`` is one of the run's.
    LetheError if run and oracle were asked different questions.
    """
    reference = oracle.checkpoints[-1]
    if list(checkpoint.questions["forget"]) != list(reference.questions["forget"]):
        raise LetheError(f"{run.place}: other forget items than {oracle.place}; make it again")
    numbers, expected = {}, halves(reference.items["forget"])
    for half, own in halves(checkpoint.items["forget"]).items():
        close = closeness(own, expected[half])
        numbers[f"{half}_closeness"] = close
        numbers[half] = score(close, utility, full_utility)
    return numbers


def judged(
    changes: Mapping[str, Mapping[str, Any]],
    ratios: Mapping[str, str],
    utilities: Mapping[str, str],
    oracle: str,
    full: str,
) -> dict[str, Any]:
    """Rank trials by their files of ``truth_ratio`` and ``model_utility``, each at its last epoch.

    ``oracle``, ``full``: the oracle's file of truth ratios, the full model's of model utility.
    LetheError if a trial and the oracle were asked different questions.
    """
    from lethe.metrics.base import read_metric

    reference = read_metric(oracle, "truth_ratio")
    whole = read_metric(full, "model_utility").checkpoints[-1].values["model_utility"]
    rows = []
    for name, values in changes.items():
        trial = read_metric(ratios[name], "truth_ratio")
        utility = read_metric(utilities[name], "model_utility").checkpoints[-1]
        utility = utility.values["model_utility"]
        row = {"trial": name, "settings": dict(values), "model_utility": utility}
        rows.append(row | half_scores(trial, trial.checkpoints[-1], utility, reference, whole))
    best = max(rows, key=lambda row: row["validation"])
    return {"format": FORMAT, "trials": rows, "chosen": best["trial"]}
