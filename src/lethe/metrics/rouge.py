"""ROUGE-L recall of the greedy answer (TOFU, arXiv 2401.06121, Table 1; Lin 2004).

The length of the longest common subsequence of words, over the number of words of the true answer:
the ``rouge_score`` package with Porter's stemmer, target = true answer, prediction = generation.
"""

import numpy as np

from lethe.common.rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, items_of

SETS = ("forget", "retain", "real_authors", "world_facts")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] for the four sets; LetheError if a set is missing."""
    score = rouge_l()
    return [_checkpoint(inputs, checkpoint, score) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, score) -> CheckpointValues:
    items = {}
    for name in SETS:
        rows = items_of(inputs, checkpoint, name)
        scores = map(score, rows.answer, rows.generation)
        items[name] = [float(score.recall) for score in scores]
    values = {name: float(np.mean(recalls)) for name, recalls in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)
