"""Simpler optimisers make forgetting last: sign updates, and updates from losses alone."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE
from lethe.analysis.claims.verdict import Criterion

PAPER = "Downgrade to Upgrade, 2510.00761"
SUBJECT = "attacks"

CLAIMS = (
    Claim(
        "relearning gives back less after sign-Adam than after Adam (NPO): difference",
        ("npo", "npo_signadam"),
        lambda r: r.recovered("npo", "relearned") - r.recovered("npo_signadam", "relearned"),
    ),
    Claim(
        "relearning gives back less after the hybrid than after Adam (NPO): difference",
        ("npo", "npo_hybrid"),
        lambda r: r.recovered("npo", "relearned") - r.recovered("npo_hybrid", "relearned"),
    ),
    Claim(
        "4 bits give back less after the hybrid than after Adam (NPO): difference",
        ("npo", "npo_hybrid"),
        lambda r: r.recovered("npo", "quantised4") - r.recovered("npo_hybrid", "quantised4"),
    ),
    Claim(
        "modes of Adam and sign-Adam are connected linearly (NPO): highest rise of the retain loss "
        "on the line between them above its ends (nats a token)",
        ("npo", "npo_signadam"),
        lambda r: r.barrier("npo", "npo_signadam"),
        Criterion("<", CLOSE),
    ),
    Claim(
        "modes of Adam and the hybrid are not: the same rise",
        ("npo", "npo_hybrid"),
        lambda r: r.barrier("npo", "npo_hybrid"),
        Criterion(">", CLOSE),
    ),
    Claim(
        "the hybrid lies further from Adam than sign-Adam does (NPO): difference of the rises",
        ("npo", "npo_signadam", "npo_hybrid"),
        lambda r: r.barrier("npo", "npo_hybrid") - r.barrier("npo", "npo_signadam"),
    ),
    Claim(
        "and sign-Adam further from Adam than Adam of another seed: difference of the rises",
        ("npo", "npo_signadam"),
        lambda r: r.barrier("npo", "npo_signadam") - r.barrier("npo", "npo"),
    ),
    Claim(
        "the same at equal utility; Sophia recovers most",
        criterion=None,
        reason="no calibration of utility, no second-order optimiser here",
    ),
)
