"""Alignment of the gradients of forget and retain set, which OFMU (arXiv 2509.22483) makes small.

``cosine`` of the two gradients of the answers' mean loss over all parameters: near 1, a step that
forgets also loses the retain set.
"""

from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "alignment"
SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``cosine`` in [-1, 1], and the gradients' lengths ``forget`` and ``retain`` (nats)."""
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    values = {name: float(column_of(inputs, point, name, "gradient_length")[0]) for name in SETS}
    cosine = float(column_of(inputs, point, "forget", "gradient_cosine")[0])
    return CheckpointValues(point.epoch, point.step, {"cosine": cosine} | values)
