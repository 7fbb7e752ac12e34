"""Loss barriers between two checkpoints, from the losses on the line between them."""

from collections.abc import Sequence

from lethe.evaluate.interpolation import Line
from lethe.metrics.base import CheckpointValues, MetricFile

METRIC = "barrier"


def barrier(losses: Sequence[float]) -> float:
    """The highest loss on a line less the higher loss of its ends, at least 0 (nats a token)."""
    return max(losses) - max(losses[0], losses[-1])


def barrier_file(line: Line) -> MetricFile:
    """The barrier of each set as a metric's values, with the losses and places as its items."""
    values = {name: barrier(losses) for name, losses in line.losses.items()}
    items = {"place": line.places, **line.losses}
    return MetricFile(METRIC, [CheckpointValues(0, 0, values, items)], {"points": len(line.places)})
