"""Multiple choice by letters: how often the right option's letter is the likeliest one.

It is meaningful only for a model that knows the format: see ``forget_gain``, the accuracy minus the
highest of the controls, which ask no question.
"""

from lethe.metrics._choices import accuracies
from lethe.metrics.base import CheckpointValues, Inputs

SUITE = "choice_letters"
SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] of each set and prompt; ``…_gain`` in [-1, 1]."""
    return [
        accuracies(inputs, checkpoint, SETS, _sums) for checkpoint in inputs.records.checkpoints
    ]


def _sums(items) -> list:
    """The loss of the whole letter, however many tokens it has."""
    pairs = zip(items.option_loss, items.option_tokens, strict=True)
    return [losses * tokens for losses, tokens in pairs]
