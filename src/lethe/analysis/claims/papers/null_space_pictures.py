"""Null-space contrastive forgetting in the vision tower, as in the paper."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import EXACT, Criterion

PAPER = "Null-space contrastive forgetting, 2605.05909"
SUBJECT = "pictures"
FORGOTTEN, KEPT, TEXT = "picture", "retain_picture", "text"


def _known(runs: Runs, run: str, what: str) -> float:
    return runs.end(run, "pictures", f"{what}_probability")


CLAIMS = (
    Claim(
        "it forgets pictures: probability of the answers by picture below full's by",
        ("tower", "full"),
        lambda r: _known(r, "full", FORGOTTEN) - _known(r, "tower", FORGOTTEN),
    ),
    Claim(
        "and leaves those of others as they were: their probability below full's by",
        ("tower", "full"),
        lambda r: _known(r, "full", KEPT) - _known(r, "tower", KEPT),
        Criterion("<", 0.01),
    ),
    Claim(
        "without the projection others suffer more: its lead in the probability of their pictures",
        ("tower", "tower_free"),
        lambda r: _known(r, "tower", KEPT) - _known(r, "tower_free", KEPT),
    ),
    Claim(
        "texts are answered as before: change of the forget set's probability by text",
        ("tower", "full"),
        lambda r: _known(r, "tower", TEXT) - _known(r, "full", TEXT),
        Criterion("=", 0.0, 0.0, EXACT),
    ),
    Claim(
        "with the running covariance earlier requests stay forgotten: what is left of them by "
        "picture is less than without by",
        ("tower", "tower_running"),
        lambda r: (
            r.in_sequence("tower", "earlier_by_picture")
            - r.in_sequence("tower_running", "earlier_by_picture")
        ),
    ),
    unit_tested(
        "the loss of pictures is its formula, and logits of texts are the same to the bit",
        "tests/unlearn/test_visual.py",
    ),
)
