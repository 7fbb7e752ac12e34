"""Multiple choice by likelihood: how often the right option is the likeliest answer by token.

An option's likelihood is normalised by its length: p = exp(-mean loss of a token).
"""

from lethe.metrics._choices import accuracies
from lethe.metrics.base import CheckpointValues, Inputs

SUITE = "choice_likelihood"
SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] of each set and prompt; ``…_gain`` in [-1, 1]."""
    return [
        accuracies(inputs, checkpoint, SETS, lambda items: items.option_loss)
        for checkpoint in inputs.records.checkpoints
    ]
