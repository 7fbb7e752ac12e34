"""Early exposure: what the base has met before is learned equally well, and stays longer."""

import numpy as np

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers._recipes import PLAIN, matched
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "Early exposure, 2605.12705"
SUBJECT = "recipes"
# Shares of the rows that the base has met, in order.
SHARES = ("unexposed", "half_exposed", "exposed")
FORGOTTEN = 0.1


def _smallest_rise(runs: Runs, number) -> float:
    """The smallest difference between one share and the next, of a number of a model's runs."""
    values = [number(matched(runs, model)) for model in SHARES]
    return float(np.diff(values).min())


def _learned(runs: Runs) -> float:
    return runs.end("full", "probability", "retain")


def _epochs_needed(runs: Runs) -> float:
    """Epochs until NPO brings the forget probability to 0.1, interpolated between epochs.

    If it never does: the last epoch plus the probability still missing, so that runs are ordered by
    how far they came.
    """
    course = runs.path("npo")["forget"].to_numpy()
    falling = np.minimum.accumulate(course)
    if falling[-1] > FORGOTTEN:
        return len(falling) - 1 + float(falling[-1] - FORGOTTEN)
    return float(np.interp(FORGOTTEN, falling[::-1], np.arange(len(falling))[::-1]))


CLAIMS = (
    Claim(
        "the loss after fine-tuning does not depend on the share met before: largest difference of "
        "the rows' probability",
        ("full",),
        lambda r: float(np.ptp([_learned(r.of_model(model)) for model in SHARES])),
        Criterion("<", 0.03),
        models=PLAIN,
    ),
    Claim(
        "after further training on other rows, more is left the larger the share was: smallest "
        "rise of the probability of the rows to be forgotten",
        ("full",),
        lambda r: _smallest_rise(r, lambda one: one.in_state("full", "finetuned")),
        models=PLAIN,
    ),
    Claim(
        "(ours) the larger the share, the longer NPO takes to bring the forget probability to 0.1: "
        "smallest rise of the epochs needed",
        ("npo",),
        lambda r: _smallest_rise(r, _epochs_needed),
        models=PLAIN,
    ),
)
