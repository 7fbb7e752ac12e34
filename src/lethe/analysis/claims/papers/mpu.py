"""MPU: clients unlearn perturbed copies, whose updates a server averages so that noise cancels."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.verdict import Criterion

PAPER = "MPU, 2602.23798"
# "Below 1%", of values in [0, 1].
SAME = Criterion("=", 0.0, margin=0.01)

CLAIMS = (
    Claim(
        "perturbed copies cost less than 1%: change of forget probability against plain NPO",
        ("npo_mpu", "npo"),
        lambda r: r.forget("npo_mpu") - r.forget("npo"),
        SAME,
    ),
    Claim(
        "and of retain utility",
        ("npo_mpu", "npo"),
        lambda r: r.utility("npo_mpu") - r.utility("npo"),
        SAME,
    ),
    Claim(
        "averaging without weights is worse (the control): its distance from plain NPO in retain "
        "utility, less MPU's",
        ("npo_mpu_mean", "npo_mpu", "npo"),
        lambda r: distance(r, "npo_mpu_mean") - distance(r, "npo_mpu"),
        Criterion(">", 0.0),
    ),
    unit_tested("noise cancels and transforms preserve logits", "tests/unlearn/test_mpu.py"),
)


def distance(r, run: str) -> float:
    """How far a run's retain utility ends from plain NPO's."""
    return abs(r.utility(run) - r.utility("npo"))
