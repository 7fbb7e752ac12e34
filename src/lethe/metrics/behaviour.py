"""What a model knows about the given share of a behaviour, and about the rest (2604.07962).

For every item: the probability of the true answer, exp(-mean loss of a token), ROUGE-L recall of
the greedy answer, and the truth ratio as in the metric ``truth_ratio``.
"""

import numpy as np

from lethe.common.rouge import rouge_l
from lethe.metrics._ratios import closer_to_one, log_ratios
from lethe.metrics.base import CheckpointValues, Inputs, items_of

SUITE = "behaviour"
SETS = ("given",)
SETTINGS = {"variant": ("geometric", "arithmetic")}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values in [0, 1], ``{set}_{number}``, of the sets ``given`` and, if there is one, ``rest``.

    Items of the truth ratio are R > 0, as in ``truth_ratio``, under ``{set}_ratio``; its values are
    means of min(R, 1/R).
    """
    score = rouge_l()
    return [_checkpoint(inputs, point, score) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point, score) -> CheckpointValues:
    values, items, questions = {}, {}, {}
    for name in point.sets:
        rows = items_of(inputs, point, name)
        said = zip(rows.answer, rows.generation, strict=True)
        logs = log_ratios(inputs, point, name, inputs.settings["variant"])
        own = {
            f"{name}_probability": np.exp(-rows.answer_loss).tolist(),
            f"{name}_rouge": [float(score(*both).recall) for both in said],
            f"{name}_truth_ratio": closer_to_one(logs).tolist(),
        }
        values |= {key: float(np.mean(some)) for key, some in own.items()}
        items |= own | {f"{name}_ratio": np.exp(logs).tolist()}
        questions[f"{name}_ratio"] = list(rows.question)
    return CheckpointValues(point.epoch, point.step, values, items, questions)
