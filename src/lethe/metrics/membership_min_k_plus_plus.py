"""Membership attack Min-K%++ (Zhang et al. 2025, arXiv 2404.02936, Eq. 3).

As Min-K%, with each token's log-probability standardised by the mean and standard deviation over
the whole vocabulary at its position.
"""

from lethe.metrics._membership import attack, lowest
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "tokens"
SETS = ("forget", "holdout")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, mean scores and scores of forget and holdout; LetheError if a set is missing."""
    return attack(inputs, lambda c, name: -lowest(column_of(inputs, c, name, "token_zscore")))
