"""Calibration: does a model's confidence in its choices tell how often they are right?

Each question is asked as a choice between the right answer and wrong ones (arXiv 2605.20915). An
option's probability is its likelihood, normalised by length and over the options: p_k = p(a_k) /
sum of p(a_j) with p(a) = exp(-l(a)). Confidence is the largest p_k; the item is correct if the
right answer alone has it. For each set

    brier         mean of sum_k (p_k - 1[k is right])^2, from 0 to 2
    ece, mce      mean (weighted by items) and largest |accuracy - confidence| over equal bins
    accuracy, confidence    their means

The right answer is the paraphrase on the forget and the retain set, whose wrong answers are
variations of it, unless the setting ``right`` says ``answer``. ``options``: how many there are at
most; the first wrong answers are taken. ``bins``: how many.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics._calibration import calibrated
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

SETS = ("forget", "retain", "real_authors", "world_facts")
PARAPHRASED = ("forget", "retain")
SETTINGS = {
    "right": ("paraphrase", "answer"),
    "bins": {"default": 10, "least": 1, "most": 999},
    "options": {"default": 4, "least": 2, "most": 99},
}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values named ``SET_NUMBER``; items of those that are means: brier, accuracy, confidence.

    LetheError if a set, its paraphrases or its wrong answers are missing.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    values, items = {}, {}
    for name in SETS:
        losses = _losses(inputs, checkpoint, name)
        numbers, of_items = calibrated(losses, inputs.settings["bins"])
        values |= {f"{name}_{number}": value for number, value in numbers.items()}
        items |= {f"{name}_{number}": some for number, some in of_items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _losses(inputs: Inputs, checkpoint, name: str) -> list[np.ndarray]:
    """The losses of each item's options, the right one first."""
    paraphrased = name in PARAPHRASED and inputs.settings["right"] == "paraphrase"
    column = "paraphrase_loss" if paraphrased else "answer_loss"
    right = column_of(inputs, checkpoint, name, column)
    wrong = column_of(inputs, checkpoint, name, "perturbed_loss")
    bare = sum(len(row) == 0 for row in wrong)
    if bare:
        raise LetheError(
            f"{inputs.records.path}: epoch {checkpoint.epoch}, set '{name}': {bare} of "
            f"{len(items_of(inputs, checkpoint, name))} items have no wrong answers; "
            "give them at least one"
        )
    most = inputs.settings["options"] - 1
    return [np.append(true, row[:most]) for true, row in zip(right, wrong, strict=True)]
