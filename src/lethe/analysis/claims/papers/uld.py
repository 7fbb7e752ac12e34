"""ULD: logits less those of an assistant that remembers the forget set and forgets the rest."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, unit_tested
from lethe.analysis.claims.verdict import Criterion

PAPER = "ULD, 2406.08607"
SUBJECT = "cap"

CLAIMS = (
    Claim(
        "it forgets: forget probability below full's by",
        ("uld", "full"),
        lambda r: r.forget("full") - r.forget("uld"),
    ),
    Claim(
        "it loses no utility: loss of retain utility",
        ("uld", "full"),
        lambda r: r.utility("full") - r.utility("uld"),
        Criterion("<", CLOSE),
    ),
    Claim(
        "it keeps more than NPO with a retain term: lead in retain utility where that forgot as "
        "much",
        ("uld", "npo_retain"),
        lambda r: r.lead("uld", "npo_retain"),
    ),
    unit_tested("logits are the weighted difference", "tests/unlearn/test_uld.py"),
)
