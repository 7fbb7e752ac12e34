"""Membership attack by loss (Yeom et al. 2018, arXiv 1709.01604): a member's loss is low.

The score is the mean negative log-likelihood of a token of the answer, its end token included.
"""

from lethe.metrics._membership import attack
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "tokens"
SETS = ("forget", "holdout")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, mean scores and scores of forget and holdout; LetheError if a set is missing."""
    return attack(inputs, lambda c, name: column_of(inputs, c, name, "answer_loss"))
