"""Latent adversarial training: what is unlearned under an attack stays unlearned."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, unit_tested
from lethe.analysis.claims.verdict import Criterion

PAPER = "Latent adversarial training, 2407.15549"
SUBJECT = "lira"
PAIR = ("grad_diff_lat", "grad_diff")

CLAIMS = (
    Claim(
        "relearning gives back less: difference of what it raises the forget probability by",
        PAIR,
        lambda r: r.recovered("grad_diff", "relearned") - r.recovered("grad_diff_lat", "relearned"),
    ),
    Claim(
        "at little cost: retain utility lost against gradient difference without it",
        PAIR,
        lambda r: r.utility("grad_diff") - r.utility("grad_diff_lat"),
        Criterion("<", CLOSE),
    ),
    unit_tested(
        "the attack is projected descent with Adam, and only forget questions are shifted",
        "tests/unlearn/latent/test_attack.py",
    ),
)
