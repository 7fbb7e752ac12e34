"""Membership attack by gradient norm: an answer that was learned hardly moves the model any more.

The score is the mean over parameter tensors of the L2 norm of the gradient of the answer's loss,
as in OpenUnlearning (arXiv 2506.12618; p = 2). OpenUnlearning divides the sum
over n tokens by n - 1, so its norms are larger by n / (n - 1): ``loss: open_unlearning`` does the
same.
"""

import numpy as np

from lethe.metrics._membership import attack
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "gradients"
SETS = ("forget", "holdout")
SETTINGS = {"loss": ("mean", "open_unlearning")}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, mean scores and scores of forget and holdout; LetheError if a set is missing."""

    def score(checkpoint, name: str) -> np.ndarray:
        norms = column_of(inputs, checkpoint, name, "gradient_norm")
        if inputs.settings["loss"] == "mean":
            return norms
        tokens = column_of(inputs, checkpoint, name, "answer_tokens")
        return norms * tokens / np.maximum(1, tokens - 1)

    return attack(inputs, score)
