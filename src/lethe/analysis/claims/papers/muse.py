"""MUSE: sustainability, over requests one after another, and scalability, over their size."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.runs import Runs, ratio

PAPER = "MUSE, 2407.06460"
SUBJECT = "requests"
SMALL, LARGE = "forget05", "forget20"


def _fall(runs: Runs, run: str) -> float:
    """By how much model utility, as a share of full's, falls from the first request to the last."""
    return runs.in_sequence(run, "utility_first") - runs.in_sequence(run, "utility_kept")


def _cost_of_size(runs: Runs, run: str) -> float:
    """How much more of full's model utility is left where the forget set is small."""
    shares = [
        ratio(one.model_utility(run), one.model_utility("full"))
        for one in (runs.on(SMALL), runs.on(LARGE))
    ]
    return shares[0] - shares[1]


CLAIMS = tuple(
    claim
    for run, label in (("grad_ascent", "gradient ascent"), ("npo", "NPO"))
    for claim in (
        Claim(
            f"{label} is not sustainable: model utility lost from the first request to the last",
            (run,),
            lambda r, run=run: _fall(r, run),
        ),
        Claim(
            f"{label} does not scale: how much more model utility is left with a forget set of 5% "
            "than of 20%",
            (run,),
            lambda r, run=run: _cost_of_size(r, run),
            splits=(LARGE,),
        ),
    )
)
