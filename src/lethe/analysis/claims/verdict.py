"""The verdict on a claim, from its values over seeds.

A claim's value is one number for each seed, from runs with that seed on the same items: mostly a
difference between two runs, so that whatever a seed does to both cancels. The values of all seeds
are compared with a bound together. ``docs/claims.md`` explains the three verdicts.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lethe.analysis.statistics import range_coverage
from lethe.common.errors import LetheError

HOLDS, FAILS, UNDECIDED, UNTESTED = "holds", "fails", "undecided", "not tested"

# What a claim's values are, which determines how many seeds decide it.
EXACT = "exact property"  # holds for every run: one value beyond the bound disproves it
FIXED = "fixed bound"  # a bound so wide that a single seed decides
PAIRED = "paired difference"  # a difference between runs of one seed: it takes several seeds
KINDS = (EXACT, FIXED, PAIRED)

# Seeds that decide a paired difference: their range covers the median over seeds in 94%.
ENOUGH = 5


@dataclass(frozen=True)
class _Side:
    """Whether a range lies on the claimed side of a bound, and whether it lies on the other.

    Each looks at the end of the range that is nearest to the bound. A value on the bound of a
    strict relation is on neither side.
    """

    claimed: Callable[[float, float], bool]
    other: Callable[[float, float], bool]
    # Whether the claimed side is above the bound.
    above: bool


_SIDES = {
    ">": _Side(operator.gt, operator.lt, above=True),
    "≥": _Side(operator.ge, operator.lt, above=True),
    "<": _Side(operator.lt, operator.gt, above=False),
    "≤": _Side(operator.le, operator.gt, above=False),
}
EQUAL = "="
RELATIONS = (*_SIDES, EQUAL)


@dataclass(frozen=True)
class Criterion:
    """What values must satisfy: a ``relation`` to ``bound``.

    ``margin``: only for the relation ``=``: how far from the bound still counts as equal.
    """

    relation: str = ">"
    bound: float = 0.0
    margin: float | None = None
    kind: str = PAIRED

    def __post_init__(self):
        for value, known in ((self.relation, RELATIONS), (self.kind, KINDS)):
            if value not in known:
                raise LetheError(f"claim: unknown {value!r}; there are {', '.join(known)}")
        if (self.margin is not None) != (self.relation == EQUAL):
            raise LetheError(f"claim: {self.relation} {self.bound:g}: only '=' has a margin")

    def is_met(self, low: float, high: float) -> bool:
        """Whether the whole range satisfies the relation."""
        if self.margin is not None:
            return self.bound - self.margin <= low and high <= self.bound + self.margin
        side = _SIDES[self.relation]
        return side.claimed(low if side.above else high, self.bound)

    def is_contradicted(self, low: float, high: float) -> bool:
        """Whether the whole range lies on the other side, or wholly outside the margin."""
        if self.margin is not None:
            return high < self.bound - self.margin or low > self.bound + self.margin
        side = _SIDES[self.relation]
        return side.other(high if side.above else low, self.bound)

    def words(self) -> str:
        """The criterion for readers: ``> 0.05``, ``= 0 ± 0.01``."""
        margin = "" if self.margin is None else f" ± {self.margin:g}"
        return f"{self.relation} {self.bound:g}{margin}"


@dataclass(frozen=True)
class Judgement:
    """A verdict, and the range of values that it rests on.

    ``coverage`` is the probability that the range covers the median over seeds: 1 - 2 (1/2)^n.
    """

    verdict: str
    low: float
    high: float
    coverage: float
    seeds: int


def judge(criterion: Criterion, values: Sequence[float]) -> Judgement:
    """The verdict on values of one claim, one for each seed; at least one.

    - ``holds``: all values are on the claimed side. ``fails``: all are on the other.
      ``undecided``: anything else.
    - A paired difference over fewer than five seeds is undecided, whatever its values.
    - An exact property fails as soon as one value is not on the claimed side.
    """
    if not values:
        raise LetheError("claim: no seed to judge it by; give at least one")
    if not all(map(math.isfinite, values)):
        raise LetheError("claim: the value of a seed is not a finite number; check its metrics")
    low, high, seeds = min(values), max(values), len(values)
    return Judgement(_verdict(criterion, low, high, seeds), low, high, range_coverage(seeds), seeds)


def _verdict(criterion: Criterion, low: float, high: float, seeds: int) -> str:
    if criterion.kind == PAIRED and seeds < ENOUGH:
        return UNDECIDED
    if criterion.is_met(low, high):
        return HOLDS
    exact = criterion.kind == EXACT
    return FAILS if exact or criterion.is_contradicted(low, high) else UNDECIDED
