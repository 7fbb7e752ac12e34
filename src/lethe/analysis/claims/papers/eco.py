"""ECO: prompts near the forget set with corrupted embeddings."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, unit_tested
from lethe.analysis.claims.verdict import EXACT, Criterion

PAPER = "ECO, 2406.07933"
SUBJECT = "cap"

CLAIMS = (
    Claim(
        "it forgets: forget probability below full's by",
        ("eco", "full"),
        lambda r: r.forget("full") - r.forget("eco"),
    ),
    Claim(
        "almost without side effects: retain probability lost",
        ("eco", "full"),
        lambda r: r.end("full", "probability", "retain") - r.end("eco", "probability", "retain"),
        Criterion("<", CLOSE),
    ),
    Claim(
        "what its gate lets through is untouched: largest change of real authors' and world facts' "
        "probability",
        ("eco", "full"),
        lambda r: max(
            abs(r.end("eco", "probability", name) - r.end("full", "probability", name))
            for name in ("real_authors", "world_facts")
        ),
        Criterion("<", 1e-12, kind=EXACT),
    ),
    unit_tested("ungated prompts are bit-identical", "tests/unlearn/test_eco.py"),
)
