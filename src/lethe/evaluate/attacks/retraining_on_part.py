"""Retraining on a part: trains the checkpoint on a share of the forget set, for a few epochs.

Facts that come back although they were not among those trained on were hidden, not removed ("Do
Unlearning Methods Remove Information from Language Model Weights?", RTT, arXiv 2410.08827). The
metric ``hidden_knowledge`` tests the other facts, and subtracts what the oracle knows of them after
the same training.
"""

import random

from pydantic import Field

from lethe.evaluate.attacks._part import drawn
from lethe.evaluate.attacks._training import TrainingSettings, order, train

NEEDS = ("forget",)


class RetrainingSettings(TrainingSettings):
    """``share`` of the forget rows that are trained on, drawn by the seed, for ``steps`` of AdamW.

    A row that the file has twice is on one side only. The rate falls linearly; the first step is
    the warm-up, at a learning rate of 0.
    """

    share: float = Field(0.5, gt=0, lt=1)


settings_class = RetrainingSettings


def change(model, settings, examples, seed, report, how=None) -> list[int]:
    """Train on the share in place; returns the rows that were trained on, in their order."""
    rows = drawn("retraining_on_part", [e.ids for e in examples], settings.share, seed)
    rng = random.Random(f"retraining_on_part/order/{seed}")
    name = f"retraining_on_part/{seed}"
    train(model, examples, order(rows, settings, rng), settings, name, report, how)
    return rows
