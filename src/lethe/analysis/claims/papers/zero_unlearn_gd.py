"""ZeroUnlearn's variant by gradient descent."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested

PAPER = "ZeroUnlearn, 2605.18879"
SUBJECT = "asru"

CLAIMS = (
    Claim(
        "its variant by gradient descent makes the answer unlikely as well: forget probability "
        "below full's by",
        ("zero_unlearn_gd", "full"),
        lambda r: r.forget("full") - r.forget("zero_unlearn_gd"),
    ),
    Claim(
        "and keeps more of the rest than the closed form: retain utility above by",
        ("zero_unlearn_gd", "zero_unlearn"),
        lambda r: r.utility("zero_unlearn_gd") - r.utility("zero_unlearn"),
    ),
    unit_tested(
        "the descent lowers the objective in every step and ends at the closed form",
        "tests/unlearn/test_zero_unlearn.py",
    ),
)
