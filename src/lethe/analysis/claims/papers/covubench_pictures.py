"""CoVUBench: what is forgotten in the trained view may be left in others; in pictures."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.runs import Runs, ratio

PAPER = "CoVUBench, 2605.03547"
SUBJECT = "pictures"
METHODS = ("grad_diff", "npo_retain")


def _unseen(runs: Runs, run: str) -> float:
    return runs.end(run, "pictures", "unseen_probability")


def _left(runs: Runs, run: str, view: str) -> float:
    """What is left of the probability in a view, as a share of full's."""
    name = f"{view}_probability"
    return ratio(runs.end(run, "pictures", name), runs.end("full", "pictures", name))


CLAIMS = (
    *(
        Claim(
            f"after {run} pictures in unseen views are answered more often than by the oracle: by",
            (run,),
            lambda r, run=run: _unseen(r, run) - _unseen(r, r.oracle),
        )
        for run in METHODS
    ),
    *(
        Claim(
            f"{run} leaves more of unseen views than of the trained one: shares of full, by",
            (run, "full"),
            lambda r, run=run: _left(r, run, "unseen") - _left(r, run, "picture"),
        )
        for run in METHODS
    ),
)
