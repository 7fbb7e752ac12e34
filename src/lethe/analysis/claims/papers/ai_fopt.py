"""AI-FOPT: what is handed down where models learn from models, and what clears it."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, unit_tested
from lethe.analysis.claims.runs import Runs, ratio
from lethe.analysis.claims.verdict import Criterion

PAPER = "AI-FOPT, 2601.02631"
SUBJECT = "lineage"
# The third generation, by its name in the preset.
LAST = "generation3"
PROBABILITY = ("probability", "forget")
WORDS = ("surface", "ngram_overlap")
FACTS = ("surface", "fact_recall")


def _lost(runs: Runs, number: tuple[str, str]) -> float:
    """The share of a number of the full model that its third generation has lost."""
    return 1 - ratio(runs.in_state("full", LAST, *number), runs.end("full", *number))


def _beyond_clean(runs: Runs, run: str) -> float:
    """By how much a run's third generation exceeds the oracle's in forget probability."""
    return runs.in_state(run, LAST) - runs.in_state(runs.oracle, LAST)


CLAIMS = (
    Claim(
        "words fade faster than knowledge over three generations of full: share lost of the words "
        "in common, less that of the true answer's probability",
        ("full",),
        lambda r: _lost(r, WORDS) - _lost(r, PROBABILITY),
    ),
    Claim(
        "and faster than facts are forgotten: the same, less the share lost of the facts told",
        ("full",),
        lambda r: _lost(r, WORDS) - _lost(r, FACTS),
    ),
    Claim(
        "knowledge is handed down: forget probability of full's third generation above that of the "
        "oracle's",
        ("full", "retain"),
        lambda r: _beyond_clean(r, "full"),
    ),
    Claim(
        "a teacher that unlearned clears its descendants (NPO): the same for its third generation",
        ("npo", "retain"),
        lambda r: _beyond_clean(r, "npo"),
        Criterion("=", 0.0, CLOSE),
    ),
    Claim(
        "the same for gradient difference",
        ("grad_diff", "retain"),
        lambda r: _beyond_clean(r, "grad_diff"),
        Criterion("=", 0.0, CLOSE),
    ),
    unit_tested(
        "descent taints what similarity of words does not show", "tests/pipeline/test_lineage.py"
    ),
)
