"""ICU-Bench in pictures: what becomes of questions by picture over a sequence of requests."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import not_built
from lethe.analysis.claims.papers.icu_bench import above_spread, lost
from lethe.analysis.claims.verdict import Criterion

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
    not_built(
        "a method that leaves the weights alone lets no answer by picture come back (GUARD-IT)",
        Criterion("=", 0.0, 0.0),
        "gates of GUARD-IT for questions with pictures, which it compares as texts",
    ),
)
