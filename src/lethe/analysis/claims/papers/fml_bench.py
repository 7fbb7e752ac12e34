"""FML-bench: at an equal budget, do strategies that learn from trials find more than chance?"""

from statistics import fmean, stdev

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.common.errors import LetheError

PAPER = "FML-bench, 2605.17373"
SUBJECT = "strategies"
LEARNING = ("greedy", "evolution", "uct", "adaptive")
# A gap that is also seen between two halves of the same set.
SMALL_GAP = 0.05


def lead(runs: Runs, strategy: str, other: str) -> float:
    """Mean best validation score over repeats, less that of another strategy."""
    return fmean(runs.searched(strategy)) - fmean(runs.searched(other))


def beyond_spread(runs: Runs, strategy: str, other: str) -> float:
    """How far two means lie apart, less the larger spread (standard deviation) of the repeats."""
    scores = [runs.searched(one) for one in (strategy, other)]
    if min(map(len, scores)) < 2:
        raise LetheError("claims: one repeat has no spread; set search.repeats to at least 2")
    return abs(fmean(scores[0]) - fmean(scores[1])) - max(map(stdev, scores))


CLAIMS = (
    Claim(
        "greedy is within the repeat spread of tree search: distance of their means beyond it",
        (),
        lambda r: beyond_spread(r, "greedy", "uct"),
        Criterion("≤", 0.0),
    ),
    Claim(
        "adaptive finds at least as much as greedy: difference of best validation scores",
        (),
        lambda r: lead(r, "adaptive", "greedy"),
        NOT_LESS,
    ),
    Claim(
        "and at least as much as tree search: difference",
        (),
        lambda r: lead(r, "adaptive", "uct"),
        NOT_LESS,
    ),
    Claim(
        "every strategy that learns finds more than random: the smallest difference",
        (),
        lambda r: min(lead(r, one, "random") for one in LEARNING),
    ),
    Claim(
        "what is found is worth as much on the test half: the largest mean optimism gap [RECON]",
        (),
        lambda r: max(fmean(r.searched(one, "gap")) for one in (*LEARNING, "random")),
        Criterion("≤", SMALL_GAP),
    ),
)
