"""ASRU: steering towards not knowing, then learning by reward what to refuse."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, unit_tested
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "ASRU, 2605.15687"
SUBJECT = "asru"
FLUENT = ("fluency", "forget")


def _refused(runs: Runs, run: str) -> float:
    """The share of forget questions that a run refuses."""
    return runs.end(run, "abstention", "forget")


CLAIMS = (
    Claim(
        "stage 1 alone makes the model refuse what it is to forget: share of forget questions "
        "refused above full's by",
        ("asru_edit", "full"),
        lambda r: _refused(r, "asru_edit") - _refused(r, "full"),
        metrics=("abstention",),
    ),
    Claim(
        "and hardly changes what is kept: retain probability below full's by",
        ("asru_edit", "full"),
        lambda r: (
            r.end("full", "probability", "retain") - r.end("asru_edit", "probability", "retain")
        ),
        Criterion("<", CLOSE),
    ),
    Claim(
        "a random direction of equal length does not do that: share refused after stage 1 above "
        "that of the control by",
        ("asru_edit", "asru_random"),
        lambda r: _refused(r, "asru_edit") - _refused(r, "asru_random"),
        metrics=("abstention",),
    ),
    Claim(
        "stage 2 refuses more of the forget set than stage 1: by",
        ("asru", "asru_edit"),
        lambda r: _refused(r, "asru") - _refused(r, "asru_edit"),
        metrics=("abstention",),
    ),
    Claim(
        "and answers retain questions better than stage 1: ROUGE-L above by",
        ("asru", "asru_edit"),
        lambda r: r.end("asru", "rouge", "retain") - r.end("asru_edit", "rouge", "retain"),
    ),
    Claim(
        "what it says stays language: lead in fluency on the forget set over gradient ascent where "
        "it forgot as much",
        ("asru", "grad_ascent"),
        lambda r: r.lead("asru", "grad_ascent", FLUENT),
        metrics=("fluency",),
    ),
    Claim(
        "the same over NPO",
        ("asru", "npo"),
        lambda r: r.lead("asru", "npo", FLUENT),
        metrics=("fluency",),
    ),
    unit_tested(
        "the ridge edit, and GRPO's loss with its gradient, are their formulas",
        "tests/unlearn/test_asru.py",
    ),
)
