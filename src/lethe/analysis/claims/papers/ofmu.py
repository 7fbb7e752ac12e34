"""OFMU: forgetting in the inner and retaining in the outer level of one optimisation."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS
from lethe.analysis.claims.verdict import Criterion

PAPER = "OFMU, 2509.22483"

CLAIMS = (
    Claim(
        "where it forgot as much as gradient difference it keeps at least as much retain utility",
        ("ofmu", "grad_diff"),
        lambda r: r.lead("ofmu", "grad_diff"),
        NOT_LESS,
    ),
    Claim(
        "in the end its gradients on forget and retain set are less aligned: absolute cosine after "
        "gradient difference, less that after it",
        ("ofmu", "grad_diff"),
        lambda r: abs(cosine(r, "grad_diff")) - abs(cosine(r, "ofmu")),
        Criterion(">", 0.0),
    ),
)


def cosine(r, run: str) -> float:
    """The cosine of the gradients of both sets at a run's end."""
    return r.end(run, "gradient_alignment", "cosine")
