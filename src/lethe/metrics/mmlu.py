"""Accuracy on MMLU (arXiv 2009.03300): the share of questions whose right letter is the likeliest.

The mean is over questions, not over subjects. Of equally likely letters the first counts.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean

SUITE = "mmlu"
SETS = ("mmlu",)
LETTERS = "ABCD"


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``accuracy`` in [0, 1], and 0 or 1 for each question."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    losses, tokens, labels = (
        column_of(inputs, checkpoint, "mmlu", column)
        for column in ("option_loss", "option_tokens", "label")
    )
    right = []
    for loss, count, label in zip(losses, tokens, labels, strict=True):
        if label not in LETTERS or len(loss) != len(LETTERS):
            raise LetheError(
                f"{inputs.records.path}: an item without four letters, or whose right one is "
                f"{label!r}; score this metric on records of MMLU"
            )
        right.append(float(LETTERS[int(np.argmin(loss * count))] == label))
    values = {"accuracy": mean(right)}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, {"accuracy": right})
