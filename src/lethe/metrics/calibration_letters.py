"""Calibration of the choice by letters: the form in which the reliability paradox is stated.

As in arXiv 2605.20915, the options' probabilities are the softmax of their letters' logits, which
is that of the letters' log-probabilities, p_k = p(letter_k) / sum of p(letter_j). All else is as in
``calibration``, where whole answers are compared. It is meaningful only for a model that knows
letters: see ``choice_letters.forget_gain``.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate.choices import NORMAL
from lethe.metrics._calibration import calibrated
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

SUITE = "choice_letters"
SETS = ("forget", "retain")
SETTINGS = {"bins": {"default": 10, "least": 1, "most": 999}}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``SET_NUMBER`` as in ``calibration``, for the plain questions; items of the means.

    LetheError if a question was not put plainly.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    values, items = {}, {}
    for name in SETS:
        numbers, of_items = calibrated(
            _right_first(inputs, checkpoint, name), inputs.settings["bins"]
        )
        values |= {f"{name}_{number}": value for number, value in numbers.items()}
        items |= {f"{name}_{number}": some for number, some in of_items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _right_first(inputs: Inputs, checkpoint, name: str) -> list[np.ndarray]:
    """For each item, the losses of its letters (nats), that of the right one first."""
    table, losses = items_of(inputs, checkpoint, name), []
    prompts = column_of(inputs, checkpoint, name, "prompt")
    rows = zip(
        prompts, table.option_loss, table.option_tokens, table.option, table.answer, strict=True
    )
    for asked, by_token, tokens, options, answer in rows:
        if NORMAL not in asked:
            raise LetheError(
                f"{inputs.records.path}: epoch {checkpoint.epoch}, set '{name}': a question was "
                "not put plainly, because it is too long; raise evaluation.max_length"
            )
        whole = np.reshape(np.multiply(by_token, tokens), (-1, len(options)))
        plain = whole[list(asked).index(NORMAL)]
        right = list(options).index(answer)
        losses.append(np.append(plain[right], np.delete(plain, right)))
    return losses
