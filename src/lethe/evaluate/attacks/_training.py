"""Code shared by attacks that train a checkpoint for a few steps."""

import random
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """``steps`` of AdamW with linear decay; the first step is the warm-up, at a rate of 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(20, ge=2)
    lr: float = Field(1e-5, gt=0, le=1, description="peak learning rate")
    batch_size: int = Field(16, ge=1)


def order(rows: Sequence[int], settings: TrainingSettings, rng: random.Random) -> list[int]:
    """Row indices of all steps: the same ``rows`` in a new order on each pass."""
    drawn: list[int] = []
    while len(drawn) < settings.steps * settings.batch_size:
        drawn += rng.sample(rows, len(rows))
    return drawn[: settings.steps * settings.batch_size]


def train(model, examples, rows: Sequence[int], settings, name: str, report, how=None) -> None:
    """Train ``model`` in place on the examples at ``rows``, in that order.

    ``name``: the seed of the training, and what a saved state of it is called.
    """
    from lethe.train.finetune import fit
    from lethe.train.settings import Schedule

    schedule = Schedule(
        epochs=1, lr=settings.lr, batch_size=settings.batch_size, warmup_epochs=0, weight_decay=0
    )
    fit(model, [examples[row] for row in rows], schedule, name, report, how)
