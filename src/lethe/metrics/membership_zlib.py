"""Membership attack by loss over zlib entropy (Carlini et al. 2021, arXiv 2012.07805, section 5).

The score is the answer's mean loss over the number of bytes of its text compressed by zlib, so that
texts that are easy for any model count less.
"""

import zlib

import numpy as np

from lethe.metrics._membership import attack
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "tokens"
SETS = ("forget", "holdout")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, mean scores and scores of forget and holdout; LetheError if a set is missing."""

    def score(checkpoint, name: str) -> np.ndarray:
        loss = column_of(inputs, checkpoint, name, "answer_loss")
        answers = checkpoint.sets[name].answer
        return loss / [len(zlib.compress(answer.encode())) for answer in answers]

    return attack(inputs, score)
