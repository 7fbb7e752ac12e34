"""ICU-Bench in pictures: what becomes of questions by picture over a sequence of requests."""

import statistics

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import not_built
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.common.errors import LetheError

PAPER = "ICU-Bench, 2605.05938"
SUBJECT = "pictures"
METHODS = {"grad_diff": "gradient difference", "npo_retain": "NPO with a retain term"}


def _above_spread(runs: Runs, run: str) -> float:
    """How far the rebound by picture exceeds the spread over seeds of what is left by picture."""
    left = [one.in_sequence(run, "earlier_by_picture") for one in (runs, *runs.others)]
    if len(left) < 2:
        raise LetheError("claims: a spread over seeds needs at least two; list more seeds")
    return runs.in_sequence(run, "rebound_by_picture") - statistics.stdev(left)


def _lost(runs: Runs, run: str) -> float:
    """By how much the retain set's probability falls from the first request to the last."""
    return runs.in_sequence(run, "retained_first") - runs.in_sequence(run, "retained")


CLAIMS = (
    *(
        Claim(
            "answers by picture come back when later requests are answered: rebound less the "
            f"spread over seeds of what is left of earlier requests ({called})",
            (run,),
            lambda r, run=run: _above_spread(r, run),
        )
        for run, called in METHODS.items()
    ),
    *(
        Claim(
            "the retain set, of texts and pictures, erodes with the requests: share of its "
            f"probability lost from the first to the last ({called})",
            (run,),
            lambda r, run=run: _lost(r, run),
        )
        for run, called in METHODS.items()
    ),
    not_built(
        "a method that leaves the weights alone lets no answer by picture come back (GUARD-IT)",
        Criterion("=", 0.0, 0.0),
        "gates of GUARD-IT for questions with pictures, which it compares as texts",
    ),
)
