"""Whether methods rank here as in published tables: Kendall's tau-b between rankings.

``published.json`` holds the published tables. Lethe's rankings are compared with
them; no other number uses them.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.common.registry import suggest

# How ours are called in scores: (metric, value).
MEASURES = {
    "model_utility": ("model_utility", "model_utility"),
    "forget_quality": ("forget_quality", "log10_forget_quality"),
    "forget_truth_ratio": ("truth_ratio", "forget"),
}
FEWEST = 3

# A measure's value by published method.
Values = Mapping[str, float]


@cache
def tables() -> dict[str, dict]:
    """The published tables by name."""
    return read_json(Path(__file__).with_name("published.json"))


def methods() -> list[str]:
    """The methods that a published table has, by their published names."""
    listed = [m for table in tables().values() for s in table["splits"].values() for m in s]
    return list(dict.fromkeys(listed))


def published(table: str, split: str, measure: str) -> dict[str, float]:
    """A published measure by method; empty if the table does not have the split.

    LetheError for an unknown table or measure.
    """
    for name, known in ((table, tables()), (measure, MEASURES)):
        if name not in known:
            raise LetheError(f"agreement: unknown {name!r}{suggest(name, known)}")
    whole = tables()[table]
    place = whole["columns"].index(measure)
    return {m: float(values[place]) for m, values in whole["splits"].get(split, {}).items()}


def tau_b(left: Values, right: Values) -> float:
    """Kendall's tau-b over the methods that both have; NaN if a side ranks none of them.

    Kendall (1945), with correction for ties. The order of p and of log p is the same, so either
    may be given. LetheError for fewer than three common methods.
    """
    from scipy.stats import kendalltau

    common = [method for method in left if method in right]
    if len(common) < FEWEST:
        raise LetheError(f"agreement: {len(common)} common methods; list at least {FEWEST}")
    return float(kendalltau([left[m] for m in common], [right[m] for m in common]).statistic)


def between_tables(split: str, measure: str) -> float:
    """tau-b between the two published tables: the most that ours can be expected to reach."""
    first, second = (published(table, split, measure) for table in tables())
    return tau_b(first, second) if first and second else math.nan


def disagreements(left: Values, right: Values) -> dict[str, int]:
    """For each common method, the number of others in the opposite order; ties do not count."""
    common = [method for method in left if method in right]
    counts = dict.fromkeys(common, 0)
    for one, other in combinations(common, 2):
        if (left[one] - left[other]) * (right[one] - right[other]) < 0:
            counts[one] += 1
            counts[other] += 1
    return counts


def means(by_seed: Sequence[Values]) -> dict[str, float]:
    """Each method's mean over seeds."""
    return {m: math.fsum(values[m] for values in by_seed) / len(by_seed) for m in by_seed[0]}
