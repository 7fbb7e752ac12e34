"""Relearning: trains the checkpoint on the forget set again, for a few steps."""

import random

from pydantic import Field

from lethe.evaluate.attacks._training import TrainingSettings, order, train

NEEDS = ("forget",)


class RelearningSettings(TrainingSettings):
    """``steps`` of AdamW with linear decay, on batches of ``rows`` forget rows (null: all of them).

    The rows are drawn by the seed, and all are used equally often. The first step is the warm-up,
    at a learning rate of 0.
    """

    rows: int | None = Field(None, ge=1)


settings_class = RelearningSettings


def change(model, settings, examples, seed, report, how=None) -> None:
    """The relearning attack, as in “Downgrade to Upgrade”, arXiv 2510.00761."""
    chosen = drawn(len(examples), settings, seed)
    train(model, examples, chosen, settings, f"relearned/{seed}", report, how)


def drawn(size: int, settings: RelearningSettings, seed: int) -> list[int]:
    """Row indices of all steps: the same ``rows`` in a new order on each pass."""
    rng = random.Random(f"relearned/{seed}")
    return order(rng.sample(range(size), min(size, settings.rows or size)), settings, rng)
