"""Contrastive forgetting on prompts, with and without updates in the null space."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "Null-space contrastive forgetting, 2605.05909"
SUBJECT = "asru"


def _kept(runs: Runs, run: str) -> float:
    return runs.end(run, "probability", "retain")


CLAIMS = (
    Claim(
        "contrastive forgetting in the null space forgets: forget probability below full's by",
        ("contrastive_null_space", "full"),
        lambda r: r.forget("full") - r.forget("contrastive_null_space"),
    ),
    Claim(
        "and leaves the retain set as it was: retain probability below full's by",
        ("contrastive_null_space", "full"),
        lambda r: _kept(r, "full") - _kept(r, "contrastive_null_space"),
        Criterion("<", 0.01),
    ),
    Claim(
        "without the projection the retain set suffers more: its lead in retain probability",
        ("contrastive_null_space", "contrastive"),
        lambda r: _kept(r, "contrastive_null_space") - _kept(r, "contrastive"),
    ),
    unit_tested(
        "the contrastive loss is its formula",
        "tests/unlearn/test_contrastive.py",
    ),
)
