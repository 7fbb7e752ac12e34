"""Probability of the true answer's paraphrase (arXiv 2506.12618): knowledge beyond the wording.

exp(-l), l the mean negative log-likelihood of a token of the paraphrased answer.
"""

import numpy as np

from lethe.metrics.base import CheckpointValues, Inputs, column_of

SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] of forget and retain; LetheError if paraphrases are missing."""
    scored = []
    for checkpoint in inputs.records.checkpoints:
        items = {
            name: np.exp(-column_of(inputs, checkpoint, name, "paraphrase_loss")) for name in SETS
        }
        values = {name: float(p.mean()) for name, p in items.items()}
        lists = {name: p.tolist() for name, p in items.items()}
        scored.append(CheckpointValues(checkpoint.epoch, checkpoint.step, values, lists))
    return scored
