"""Exact memorisation (Tirumala et al. 2022, arXiv 2205.10770; as in arXiv 2506.12618).

The share of an answer's tokens that are the likeliest given all tokens before them; the end token
does not count.
"""

import numpy as np

from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "tokens"
SETS = ("forget",)


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Value and items in [0, 1] of the forget set; LetheError if it is missing."""
    scored = []
    for checkpoint in inputs.records.checkpoints:
        matches = column_of(inputs, checkpoint, "forget", "token_match")
        items = [float(np.mean(row)) for row in matches]
        values = {"forget": float(np.mean(items))}
        scored.append(
            CheckpointValues(checkpoint.epoch, checkpoint.step, values, {"forget": items})
        )
    return scored
