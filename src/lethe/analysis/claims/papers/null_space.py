"""Forgetting in the null space of what retain inputs use."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested

PAPER = "Null-space contrastive forgetting, 2605.05909"

CLAIMS = (
    Claim(
        "without the projection more is lost: its lead in retain utility over gradient ascent "
        "where it forgot as much",
        ("grad_ascent_null_space", "grad_ascent"),
        lambda r: r.lead("grad_ascent_null_space", "grad_ascent"),
    ),
    unit_tested(
        "outputs on retain inputs are unchanged to float precision",
        "tests/unlearn/test_wrappers.py",
    ),
)
