"""Probabilities of the true answers of all requests so far, after the last (ICU-Bench, 2605.05938).

For every item exp(-mean loss of a token of the true answer), as in ``probability``.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

SUITE = "requests"
SETS = ("asked",)


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values in [0, 1]: ``request1`` and so on, means over the items of each request.

    ``asked`` is the mean of these. In a world with pictures also ``request1_by_text``,
    ``request1_by_picture``, ``request1_by_both`` and so on, for the modalities that a request has.
    LetheError if a request before the last has no items.
    """
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    probability = np.exp(-column_of(inputs, point, "asked", "answer_loss"))
    request = column_of(inputs, point, "asked", "request")
    modality = np.array(items_of(inputs, point, "asked").modality or [""] * len(request))
    means, parts = {}, {}
    for number in range(1, int(request.max()) + 1):
        own = request == number
        if not own.any():
            raise LetheError(
                f"{inputs.records.path}: no items of request {number}; delete the file to have it "
                "made again"
            )
        means[f"request{number}"] = float(probability[own].mean())
        for name in dict.fromkeys(filter(None, modality[own].tolist())):
            mean = float(probability[own & (modality == name)].mean())
            parts[f"request{number}_by_{name}"] = mean
    values = means | {"asked": float(np.mean([*means.values()]))} | parts
    return CheckpointValues(point.epoch, point.step, values, {"asked": probability.tolist()})
