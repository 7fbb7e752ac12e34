"""Meta-evaluation: how far a metric of forgetting can be trusted (arXiv 2506.12618, section 4.1).

Faithfulness: whether the metric tells models with the knowledge from models without it.
Robustness: whether it says the same before and after an unlearned model is relearned or quantised;
if a metric rises then, it had missed knowledge that was there.

    R = min((after - before of the oracle) / (after - before of the unlearned model), 1)
    Q = min(before / after, 1)                              of the unlearned model, one-sided;
                                                            or min(after / before, 1), RATIOS
    R, Q = 1 - |a - b| / (|a| + |b|)                        of the same two numbers, symmetric

Each is a mean over unlearned models. Robustness is the harmonic mean of R and Q, the overall score
that of faithfulness and robustness. The one-sided form is OpenUnlearning's; the symmetric one is
that of the Unlearning Depth Score (arXiv 2605.24614), for which a model that collapses under
quantization is not robust either.

Metrics differ in whether knowledge makes them high or low. The full model and the oracle, which are
in neither pool, decide this: a value is inverted if the full model's is the lower one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from lethe.analysis.statistics import percentile_interval
from lethe.common.errors import LetheError
from lethe.metrics._membership import auc
from lethe.metrics.base import harmonic_mean

Values = Mapping[str, Mapping[str, float]]
FORMS = ("symmetric", "one_sided")
# Two readings of the one-sided Q: sources differ. By the first a metric that rises under
# quantization, and so had missed something, is not robust; by the second one that falls.
RATIOS = ("before_over_after", "after_over_before")
RESAMPLES = 2000


@dataclass(frozen=True)
class Attacked:
    """A run's values by metric: as it is, relearned and quantised; and its oracle's, relearned.

    ``utility``: its model utility as a share of the full model's.
    """

    run: str
    seed: int
    utility: float
    before: Values
    relearned: Values
    quantised: Values
    oracle_before: Values
    oracle_relearned: Values


def meta_evaluation(
    pools: Mapping[str, Sequence[Values]],
    full: Values,
    oracle: Values,
    attacked: Sequence[Attacked],
    least_utility: float,
    ratio: str = RATIOS[0],
) -> list[dict[str, Any]]:
    """One row for each value of each metric that differs between full model and oracle.

    ``pools``: the values of the models ``with`` and ``without`` the knowledge. Unlearned models
    whose utility is below the least are left out of robustness. ``ratio``: which of ``RATIOS``. A
    number is None if it is not defined: without such a model, and for quantization if values below
    0 are compared. LetheError if a pool is empty.
    """
    for name, some in pools.items():
        if not some:
            raise LetheError(f"meta_evaluation: the pool of models {name} the knowledge is empty")
    used = [one for one in attacked if one.utility >= least_utility]
    rows = []
    for metric, values in full.items():
        for name, value in values.items():
            if value != oracle[metric][name]:
                up = value > oracle[metric][name]
                row = {"metric": metric, "name": name, "knowledge": "high" if up else "low"}
                row |= _faithful(pools, metric, name, up) | _robust(used, metric, name, up, ratio)
                row |= {"left_out": len(attacked) - len(used)}
                rows.append(row | _overall(row))
    return rows


def faithfulness(with_it: Sequence[float], without: Sequence[float], up: bool = True) -> float:
    """The share of pairs in which the model with the knowledge has more of the value, ties half.

    ``up``: whether knowledge makes the value high; else the share in which it has less.
    """
    share = auc(without, with_it)
    return share if up else 1 - share


def symmetric(one: float, other: float) -> float:
    """1 - |a - b| / (|a| + |b|), in [0, 1]: 1 if they are equal, 0 if their signs differ."""
    size = abs(one) + abs(other)
    return 1 - abs(one - other) / size if size else 1.0


def relearning_one_sided(unlearned: float, oracle: float) -> float:
    """min(oracle / unlearned, 1) of what relearning adds to a value that knowledge makes high.

    At least 0. Also 1 if it adds nothing to the unlearned model's value: nothing was hidden (the
    ratio would be infinite or, with two falls, only tell how far the oracle fell).
    """
    return 1.0 if unlearned <= 0 else min(max(oracle / unlearned, 0.0), 1.0)


def quantization_one_sided(before: float, after: float, ratio: str = RATIOS[0]) -> float:
    """min(before / after, 1) of a value, at least 0, that knowledge makes high; or its inverse."""
    over, under = (before, after) if ratio == RATIOS[0] else (after, before)
    return 1.0 if under <= over else over / under


def _faithful(pools: Mapping[str, Sequence[Values]], metric: str, name: str, up: bool) -> dict:
    with_it, without = (
        [values[metric][name] for values in pools[pool]] for pool in ("with", "without")
    )
    low, high = interval(with_it, without, up)
    return {
        "positives": len(with_it),
        "negatives": len(without),
        "faithfulness": faithfulness(with_it, without, up),
        "faithfulness_low": low,
        "faithfulness_high": high,
    }


def interval(with_it: Sequence[float], without: Sequence[float], up: bool) -> tuple[float, float]:
    """The 95% percentile bootstrap interval of the faithfulness, over the models of both pools."""
    import numpy as np

    draws = np.random.default_rng(0)
    lead = np.subtract.outer(np.array(with_it), np.array(without)) * (1 if up else -1)
    wins = (lead > 0) + 0.5 * (lead == 0)
    rows = draws.integers(len(with_it), size=(RESAMPLES, len(with_it)))
    columns = draws.integers(len(without), size=(RESAMPLES, len(without)))
    shares = [wins[np.ix_(r, c)].mean() for r, c in zip(rows, columns, strict=True)]
    low, high = percentile_interval(np.array(shares))
    return float(low), float(high)


def _robust(
    used: Sequence[Attacked], metric: str, name: str, up: bool, ratio: str
) -> dict[str, Any]:
    """The means of R and Q over the unlearned models, in both forms."""
    scores: dict[str, list[float | None]] = {}
    for one in used:
        sign = 1 if up else -1
        own = sign * (one.relearned[metric][name] - one.before[metric][name])
        theirs = sign * (one.oracle_relearned[metric][name] - one.oracle_before[metric][name])
        before, after = (
            _knowledge(values[metric][name], up) for values in (one.before, one.quantised)
        )
        known = before is not None and after is not None
        of_this = {
            "relearning_symmetric": symmetric(own, theirs),
            "relearning_one_sided": relearning_one_sided(own, theirs),
            "quantization_symmetric": symmetric(before, after) if known else None,
            "quantization_one_sided": quantization_one_sided(before, after, ratio)
            if known
            else None,
        }
        for key, value in of_this.items():
            scores.setdefault(key, []).append(value)
    names = [f"{attack}_{form}" for form in FORMS for attack in ("relearning", "quantization")]
    return {key: _mean(scores.get(key, [])) for key in names} | {"models": len(used)}


def _knowledge(value: float, up: bool) -> float | None:
    """Values that knowledge makes high, none below 0; None if they cannot be had.

    A share that knowledge makes low is inverted, to 1 - value.
    """
    if up:
        return value if value >= 0 else None
    return 1 - value if 0 <= value <= 1 else None


def _mean(numbers: Sequence[float | None]) -> float | None:
    """The mean of numbers; None if there are none, or if one of them is not defined."""
    if not numbers or any(number is None for number in numbers):
        return None
    return fsum(numbers) / len(numbers)


def _overall(row: Mapping[str, Any]) -> dict[str, float | None]:
    """Robustness and the overall score, in both forms."""
    overall: dict[str, float | None] = {}
    for form in FORMS:
        parts = [row[f"relearning_{form}"], row[f"quantization_{form}"]]
        robust = None if None in parts else harmonic_mean(parts)
        overall[f"robustness_{form}"] = robust
        both = None if robust is None else harmonic_mean([row["faithfulness"], robust])
        overall[f"overall_{form}"] = both
    return overall
