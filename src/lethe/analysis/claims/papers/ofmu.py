"""OFMU: forgetting within, retaining without, as two levels of one optimisation."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS, not_built
from lethe.analysis.claims.verdict import Criterion

PAPER = "OFMU, 2509.22483"

CLAIMS = (
    Claim(
        "where it forgot as much as gradient difference it keeps at least as much retain utility",
        ("ofmu", "grad_diff"),
        lambda r: r.lead("ofmu", "grad_diff"),
        NOT_LESS,
    ),
    not_built(
        "in the end its gradients on forget and retain set are less aligned: absolute cosine after "
        "gradient difference, less that after it",
        Criterion(">", 0.0),
        "no suite records the gradients of both sets at the end",
    ),
)
