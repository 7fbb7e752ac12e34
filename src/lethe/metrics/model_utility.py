"""Model utility: what the model still knows and can do (TOFU, arXiv 2401.06121).

The harmonic mean of nine numbers: probability, ROUGE and truth ratio on the retain set and on the
two sets of true facts. It is 0 as soon as one of them is 0. ``retain_utility`` is the harmonic mean
of the three numbers of the retain set alone.
"""

from lethe.common.errors import LetheError
from lethe.metrics.base import (
    CheckpointValues,
    Inputs,
    MetricFile,
    aligned,
    harmonic_mean,
    value_of,
)

RECORDS = False
NEEDS = ("probability", "rouge", "truth_ratio")
SETS = ("retain", "real_authors", "world_facts")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``model_utility`` and ``retain_utility`` in [0, 1]; LetheError if the files do not match."""
    files = [inputs.needs[name] for name in NEEDS]
    return [_checkpoint(files, row) for row in aligned(files)]


def _checkpoint(files: list[MetricFile], row: tuple[CheckpointValues, ...]) -> CheckpointValues:
    parts = {
        name: [_share(file, checkpoint, name) for file, checkpoint in zip(files, row, strict=True)]
        for name in SETS
    }
    values = {
        "model_utility": harmonic_mean([part for name in SETS for part in parts[name]]),
        "retain_utility": harmonic_mean(parts["retain"]),
    }
    return CheckpointValues(row[0].epoch, row[0].step, values)


def _share(file: MetricFile, checkpoint: CheckpointValues, name: str) -> float:
    value = value_of(file, checkpoint, name)
    # Means of values within [0, 1] can leave it by rounding at most.
    if not -1e-12 <= value <= 1 + 1e-12:
        raise LetheError(
            f"{file.place}: value '{name}' is {value}, outside of 0 to 1; "
            "delete the file to have it made again"
        )
    return max(0.0, value)
