"""How well questions beside those that methods are given are still answered.

``…_rouge`` is the mean ROUGE-L recall of the greedy answer (package ``rouge_score``, Porter's
stemmer, target = true answer), ``…_probability`` the mean of exp(-mean loss of a token of the true
answer).
"""

import numpy as np

from lethe.common.rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, mean

SUITE = "open_questions"
SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Both numbers of ``forget`` and of ``retain`` in [0, 1], and each question's as items."""
    score = rouge_l()
    return [_checkpoint(inputs, checkpoint, score) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, score) -> CheckpointValues:
    items = {}
    for name in SETS:
        true = items_of(inputs, checkpoint, name).answer
        said = column_of(inputs, checkpoint, name, "generation")
        pairs = zip(true, said, strict=True)
        items[f"{name}_rouge"] = [float(score(*pair).recall) for pair in pairs]
        losses = column_of(inputs, checkpoint, name, "answer_loss")
        items[f"{name}_probability"] = np.exp(-losses).tolist()
    values = {name: mean(some) for name, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)
