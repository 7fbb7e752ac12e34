"""Membership attack Min-K% (Shi et al. 2024, arXiv 2310.16789, Eq. 1).

The score is minus the mean log-probability of the least likely 40% of an answer's tokens (at least
one, without the end token): a text that was seen has few surprises.
"""

from lethe.metrics._membership import attack, lowest
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "tokens"
SETS = ("forget", "holdout")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, mean scores and scores of forget and holdout; LetheError if a set is missing."""
    return attack(inputs, lambda c, name: -lowest(column_of(inputs, c, name, "token_logprob")))
