"""Multiple choice by letters: how often the right option's letter is the likeliest one.

It is meaningful only for a model that knows the format: see ``forget_gain``, the accuracy minus the
highest of the controls, which ask no question.
"""

from lethe.metrics._choices import accuracies, whole
from lethe.metrics.base import CheckpointValues, Inputs

SUITE = "choice_letters"
SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] of each set and prompt; ``…_gain`` in [-1, 1]."""
    return [accuracies(inputs, point, SETS, whole) for point in inputs.records.checkpoints]
