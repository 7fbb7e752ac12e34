"""MAGE: unlearning from names alone, by a graph of what the model itself remembers about them."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import Runs, ratio
from lethe.analysis.claims.verdict import Criterion

PAPER = "MAGE, 2604.13777"
SUBJECT = "mage"
GOLD, DIRECT, GRAPH = "npo_retain", "npo_direct", "npo_graph"
# The share of the way from gold supervision back to the full model.
BEHIND = 0.25
KNOWN, UNKNOWN = 0.5, 0.05


def behind(runs: Runs) -> float:
    """How far the graph's forget probability lies from gold's, as a share of the way to full's."""
    gold = runs.forget(GOLD)
    return ratio(runs.forget(GRAPH) - gold, runs.forget("full") - gold)


CLAIMS = (
    Claim(
        "without the rows nearly as much is forgotten: the graph's way from gold supervision back "
        "to full, a share",
        (GOLD, GRAPH, "full"),
        behind,
        Criterion("≤", BEHIND),
    ),
    Claim(
        "the graph forgets more than direct questions: forget probability below theirs by",
        (DIRECT, GRAPH),
        lambda r: r.forget(DIRECT) - r.forget(GRAPH),
    ),
    Claim(
        "utility is preserved: retain utility less that of gold supervision",
        (GOLD, GRAPH),
        lambda r: r.utility(GRAPH) - r.utility(GOLD),
        Criterion("≥", -0.05),
    ),
    Claim(
        "the full model's graph recovers the rows: share of gold rows",
        (GRAPH, "full"),
        lambda r: r.recall("full", "graph"),
        Criterion("≥", KNOWN),
    ),
    Claim(
        "a model that never learned the names has (almost) nothing to say: share of gold rows",
        (GRAPH, "full"),
        lambda r: r.recall(r.oracle, "graph"),
        Criterion("≤", UNKNOWN),
    ),
    unit_tested(
        "a name that is not known gives an empty graph", "tests/unlearn/test_supervisions.py"
    ),
)
