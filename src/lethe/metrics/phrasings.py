"""Phrasings: is the true answer lost, or only out of reach of the question that was trained?

Probabilities exp(-l), l the mean negative log-likelihood of a token of the true answer, over the
forget set (suite ``phrasings``).
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "phrasings"
SETS = ("forget",)
# The values' names by the suite's prompts.
NAMES = {"plain": "seen", "paraphrased": "unseen", "read_by_full": "restored"}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``seen``, ``unseen`` and ``restored`` in [0, 1], with their items; ``gap``: unseen - seen.

    ``seen``: after the question; ``unseen``: after its paraphrase; ``restored``: after the question
    as full read it. LetheError if the records have other prompts.
    """
    scored = []
    for checkpoint in inputs.records.checkpoints:
        prompts = column_of(inputs, checkpoint, "forget", "prompt")
        losses = column_of(inputs, checkpoint, "forget", "prompt_loss")
        if any(list(row) != list(NAMES) for row in prompts):
            raise LetheError(
                f"{inputs.records.path}: other prompts than {', '.join(NAMES)}; "
                "score this metric on the suite phrasings"
            )
        by_prompt = np.exp(-np.asarray([list(row) for row in losses], dtype=float)).T
        items = {name: p.tolist() for name, p in zip(NAMES.values(), by_prompt, strict=True)}
        values = {name: float(np.mean(some)) for name, some in items.items()}
        values["gap"] = values["unseen"] - values["seen"]
        scored.append(CheckpointValues(checkpoint.epoch, checkpoint.step, values, items))
    return scored
