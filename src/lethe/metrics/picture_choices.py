"""Multiple choice by letters for questions with pictures, with and without the right picture.

For worlds with pictures and models that know the format. The accuracies without the picture, and
with another person's, are what options and question tell without it (the controls of VLM-UnBench,
arXiv 2604.03114).
"""

from lethe.metrics._choices import accuracies, whole
from lethe.metrics.base import CheckpointValues, Inputs

SUITE = "picture_choices"
SETS = ("text", "picture", "no_picture", "other_picture", "retain_picture")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] of each set and prompt, as ``choice_letters`` has them.

    ``by_picture``, in [-1, 1]: the accuracy with the right picture less the higher of those with
    none and with another's.
    """
    points = [accuracies(inputs, point, SETS, whole) for point in inputs.records.checkpoints]
    for point in points:
        without = max(point.values["no_picture"], point.values["other_picture"])
        point.values["by_picture"] = point.values["picture"] - without
    return points
