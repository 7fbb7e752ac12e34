"""Benign fine-tuning: trains the checkpoint further on rows that hold no forgotten fact.

Whoever deploys an unlearned model may adapt it to something harmless. If forgotten answers come
back with that, they were only hidden.
"""

import random
from typing import Literal

from pydantic import Field

from lethe.evaluate.attacks._training import TrainingSettings, order, train

NEEDS = ("{data}",)
APART = ("forget",)


class BenignFinetuningSettings(TrainingSettings):
    """``steps`` of AdamW with linear decay, on batches of ``rows`` rows of ``data`` (null: all).

    ``data``: the rows of the retain set, or those that the base learned from, which only a base
    made here has. The first step is the warm-up, at a learning rate of 0.
    """

    data: Literal["retain", "background"] = "retain"
    rows: int | None = Field(None, ge=1)


settings_class = BenignFinetuningSettings


def change(model, settings, examples, seed, report, how=None) -> None:
    """Train on ``data`` in place; the rows are drawn by the seed and used equally often."""
    name = f"benign_finetuning/{seed}"
    rng = random.Random(name)
    rows = rng.sample(range(len(examples)), min(len(examples), settings.rows or len(examples)))
    train(model, examples, order(rows, settings, rng), settings, name, report, how)
