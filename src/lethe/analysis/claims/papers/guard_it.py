"""GUARD-IT: hidden states turned away from the forget set's, behind a gate."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, NOT_LESS, unit_tested
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import EXACT, Criterion

PAPER = "GUARD-IT, 2605.12765"
SUBJECT = "attacks"


def _change(runs: Runs, name: str) -> float:
    """How far the probability of a set is from the full model's."""
    return abs(runs.end("guard_it", "probability", name) - runs.end("full", "probability", name))


CLAIMS = (
    Claim(
        "what its gate lets through is untouched: largest change of real authors' and world facts' "
        "probability",
        ("guard_it", "full"),
        lambda r: max(_change(r, name) for name in ("real_authors", "world_facts")),
        Criterion("<", 1e-12, kind=EXACT),
    ),
    Claim(
        "it forgets: forget probability below full's by",
        ("guard_it", "full"),
        lambda r: r.forget("full") - r.forget("guard_it"),
    ),
    Claim(
        "8 bits do not give back what it hides: forget probability rises by",
        ("guard_it",),
        lambda r: r.recovered("guard_it", "quantised8"),
        Criterion("<", CLOSE),
    ),
    Claim(
        "4 bits give back less than after gradient ascent and NPO: difference to the lesser",
        ("guard_it", "grad_ascent", "npo"),
        lambda r: (
            min(r.recovered(name, "quantised4") for name in ("grad_ascent", "npo"))
            - r.recovered("guard_it", "quantised4")
        ),
    ),
    Claim(
        "the stronger, the more it forgets: least fall of forget probability from strength 0 to "
        "1/2 and from there to 1",
        ("guard_it", "guard_it_half", "full"),
        lambda r: min(
            r.forget("full") - r.forget("guard_it_half"),
            r.forget("guard_it_half") - r.forget("guard_it"),
        ),
        NOT_LESS,
    ),
    unit_tested(
        "weights are as before, ungated inputs bit-identical, norms kept",
        "tests/unlearn/test_guard_it.py",
    ),
)
