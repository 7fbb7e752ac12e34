"""Defences that undo each other when one follows another."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, not_built
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.analysis.defences import MARGIN
from lethe.common.errors import LetheError

PAPER = "Defenses at Odds, 2605.14514"
SUBJECT = "defences"
THEN, STATE = "_then_", "defence_pair"
FROZEN = ("_conflict", "_random")
# First defences by the dimension that they defend, in the preset.
PRIVACY, FAIRNESS = ("unlearn_a", "unlearn_b", "refuse_b"), ("fairness",)
# The share of conflicts in the paper's 144 ordered pairs, and the margin for equality here.
SHARE, NEAR = 0.389, 0.2


def _numbers(runs: Runs) -> pd.DataFrame:
    """The numbers of every pair without frozen layers, a row each. LetheError if there are none."""
    table = _all(runs)
    return table[[not name.endswith(FROZEN) for name in table.index]]


def _all(runs: Runs) -> pd.DataFrame:
    rows = runs.states[runs.states["state"] == STATE]
    if rows.empty:
        raise LetheError("no pairs of defences in this configuration")
    return rows.pivot(index="run", columns="name", values="value")


def _spread(runs: Runs, table: pd.DataFrame) -> pd.Series:
    """For each pair the margin: the range over seeds of the risk after the first defence."""
    seeds = [table, *(_numbers(other) for other in runs.others)]
    if len(seeds) < 2:
        raise LetheError("one seed has no spread; list more")
    alone = pd.DataFrame({n: one["first_between"] for n, one in enumerate(seeds)})
    return (alone.max(axis=1) - alone.min(axis=1)).clip(lower=MARGIN)


def _beyond(runs: Runs) -> pd.Series:
    """For each pair, by how much its rise exceeds that margin."""
    table = _numbers(runs)
    return table["rise"] - _spread(runs, table)


def _share(runs: Runs, which: Callable[[str], bool] = lambda first: True) -> float:
    """Among pairs with one of these first defences, the share that exacerbates its risk."""
    beyond = _beyond(runs)
    chosen = [which(name.partition(THEN)[0]) for name in beyond.index]
    if not any(chosen):
        raise LetheError("no pair of defences that the claim is about")
    return float((beyond[chosen] > 0).mean())


def _more_with(runs: Runs, firsts: tuple[str, ...]) -> float:
    """How much larger that share is with these first defences than with all others."""
    return _share(runs, firsts.__contains__) - _share(runs, lambda first: first not in firsts)


def _asymmetry(runs: Runs) -> float:
    """The largest difference between the rises of two orders, less the larger of their spreads."""
    table = _numbers(runs)
    rise, spread = table["rise"], _spread(runs, table)
    beyond_margin = []
    for name in table.index:
        first, _, second = name.partition(THEN)
        other = f"{second}{THEN}{first}"
        if other in table.index:
            beyond_margin.append(abs(rise[name] - rise[other]) - max(spread[name], spread[other]))
    if not beyond_margin:
        raise LetheError("no pair of defences in both orders")
    return float(max(beyond_margin))


def _opposed(runs: Runs) -> float:
    """Minus the rank correlation, over pairs, of the rise with the alignment of updates."""
    ranks = _numbers(runs)[["rise", "alignment"]].rank()
    if len(ranks) < 3 or (ranks.nunique() < 2).any():
        raise LetheError("fewer than three different pairs of defences")
    return -float(np.corrcoef(ranks["rise"], ranks["alignment"])[0, 1])


def _guided(runs: Runs, name: str, control: str) -> float:
    """A number of the pairs whose layers in conflict are frozen, minus that of a control.

    ``control``: the ending of its runs' names; empty if no layers are frozen.
    """
    table = _all(runs)
    pairs = [one.removesuffix("_conflict") for one in table.index if one.endswith("_conflict")]
    if not pairs:
        raise LetheError("no pair of defences with frozen layers")
    guided, others = (
        table.loc[[f"{pair}{end}" for pair in pairs], name].mean() for end in ("_conflict", control)
    )
    return float(guided - others)


CLAIMS = (
    Claim(
        "a second defence brings back what a first removed: by how much the largest rise of a "
        "first risk is beyond its range over seeds",
        measure=lambda r: float(_beyond(r).max()),
    ),
    Claim(
        "38.9% of ordered pairs exacerbate the first risk: their share",
        measure=_share,
        criterion=Criterion("=", SHARE, NEAR),
    ),
    Claim(
        "pairs that begin with fairness conflict more often than the others: difference of shares",
        measure=lambda r: _more_with(r, FAIRNESS),
    ),
    Claim(
        "pairs that begin with privacy conflict less often than the others: difference of shares",
        measure=lambda r: -_more_with(r, PRIVACY),
    ),
    Claim(
        "the order counts: by how much the largest difference of rises between two orders is "
        "beyond the range over seeds",
        measure=_asymmetry,
    ),
    Claim(
        "the more opposed the updates of both defences, the larger the rise: minus Spearman's rank "
        "correlation over pairs",
        measure=_opposed,
    ),
    Claim(
        "freezing the layers in conflict leaves a smaller rise than freezing as many random ones: "
        "difference",
        measure=lambda r: -_guided(r, "rise", "_random"),
    ),
    Claim(
        "and costs little of what the second defence does, against freezing none: difference of "
        "its success",
        measure=lambda r: _guided(r, "success", ""),
        criterion=Criterion("≥", -CLOSE),
    ),
    not_built(
        "layers found by activation patching are those in conflict",
        Criterion(),
        "patching of a pair's layers",
    ),
)
