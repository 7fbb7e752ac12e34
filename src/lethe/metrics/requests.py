"""Probabilities of the true answers of all requests so far, after the last (ICU-Bench, 2605.05938).

For every item exp(-mean loss of a token of the true answer), as in ``probability``.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "requests"
SETS = ("asked",)


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values in [0, 1]: ``request1`` and so on, means over the items of each request.

    ``asked`` is the mean of these. LetheError if a request before the last has no items.
    """
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    probability = np.exp(-column_of(inputs, point, "asked", "answer_loss"))
    request = column_of(inputs, point, "asked", "request")
    means = {}
    for number in range(1, int(request.max()) + 1):
        own = probability[request == number]
        if not len(own):
            raise LetheError(
                f"{inputs.records.path}: no items of request {number}; delete the file to have it "
                "made again"
            )
        means[f"request{number}"] = float(own.mean())
    values = means | {"asked": float(np.mean([*means.values()]))}
    return CheckpointValues(point.epoch, point.step, values, {"asked": probability.tolist()})
