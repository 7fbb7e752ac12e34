"""ULS and UCE: a regression, and a language model's output head, from a retain sample."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, unit_tested
from lethe.analysis.claims.verdict import Criterion

PAPER = "ULS, 2604.05669"
SUBJECT = "asru"

CLAIMS = (
    Claim(
        "the output head alone, unlearned once over (UCE), forgets: forget probability below "
        "full's by",
        ("uls", "full"),
        lambda r: r.forget("full") - r.forget("uls"),
    ),
    Claim(
        "sixteen times over it still keeps the retain set: retain probability below full's by",
        ("uls_strong", "full"),
        lambda r: (
            r.end("full", "probability", "retain") - r.end("uls_strong", "probability", "retain")
        ),
        Criterion("<", CLOSE),
    ),
    Claim(
        "and forgets more of the forget set than of the retain set: difference of the falls of "
        "probability",
        ("uls_strong", "full"),
        lambda r: (
            (r.forget("full") - r.forget("uls_strong"))
            - r.end("full", "probability", "retain")
            + r.end("uls_strong", "probability", "retain")
        ),
    ),
    Claim(
        "from a sample of retained rows its error is below that of a fit to the sample and of the "
        "model before, and falls to that of all retained rows",
        criterion=None,
        reason="without a language model: snakemake uls_study (docs/figures.md)",
    ),
    unit_tested(
        "with all retained rows it is the fit to them, to 1e-8 (ULS and UCE)",
        "tests/report/studies/test_uls_sample.py",
    ),
)
