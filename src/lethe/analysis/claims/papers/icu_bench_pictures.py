"""ICU-Bench in pictures: what becomes of questions by picture over a sequence of requests."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.icu_bench import above_spread, lost
from lethe.analysis.claims.verdict import EXACT, Criterion

PAPER = "ICU-Bench, 2605.05938"
SUBJECT = "pictures"
METHODS = {"grad_diff": "gradient difference", "npo_retain": "NPO with a retain term"}

CLAIMS = (
    *(
        Claim(
            "answers by picture come back when later requests are answered: rebound less the "
            f"spread over seeds of what is left of earlier requests ({called})",
            (run,),
            lambda r, run=run: above_spread(r, run, "_by_picture"),
        )
        for run, called in METHODS.items()
    ),
    *(
        Claim(
            "the retain set, of texts and pictures, erodes with the requests: share of its "
            f"probability lost from the first to the last ({called})",
            (run,),
            lambda r, run=run: lost(r, run),
        )
        for run, called in METHODS.items()
    ),
    Claim(
        "a method that leaves the weights alone lets no answer by picture come back (GUARD-IT): "
        "rebound",
        ("guard_it",),
        lambda r: r.in_sequence("guard_it", "rebound_by_picture"),
        Criterion("=", 0.0, 0.0, EXACT),
    ),
)
