"""MPU: clients unlearn perturbed copies, whose updates a server averages so that noise cancels."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import not_built, unit_tested
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
    not_built(
        "averaging without weights is worse (the control): its distance from plain NPO in retain "
        "utility, less MPU's",
        Criterion(">", 0.0),
        "no average of the copies without weights",
    ),
    unit_tested("noise cancels and transforms preserve logits", "tests/unlearn/test_mpu.py"),
)
