"""FINCH: a learning rate from the steps' own losses instead of a schedule."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import not_built
from lethe.analysis.claims.verdict import Criterion

PAPER = "FINCH, 2605.20005"

CLAIMS = (
    Claim(
        "where it forgot as much it keeps more than with the linear schedule (NPO)",
        ("npo_finch", "npo"),
        lambda r: r.lead("npo_finch", "npo"),
    ),
    not_built(
        "fine-tuning on new data forgets less of the old than with the linear schedule (its own "
        "setting): difference in the old data's probability",
        Criterion(">", 0.0),
        "no run that is trained further on new data; here its rate is tried on unlearning",
    ),
)
