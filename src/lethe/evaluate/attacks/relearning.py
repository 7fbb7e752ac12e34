"""Relearning: trains the checkpoint on the forget set again, for a few steps."""

import random

from pydantic import BaseModel, ConfigDict, Field

NEEDS = ("forget",)


class RelearningSettings(BaseModel):
    """``steps`` of AdamW with linear decay, on batches of ``rows`` forget rows (null: all of them).

    The rows are drawn by the seed, and all are used equally often. The first step is the warm-up,
    at a learning rate of 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(20, ge=2)
    lr: float = Field(1e-5, gt=0, le=1, description="peak learning rate")
    batch_size: int = Field(16, ge=1)
    rows: int | None = Field(None, ge=1)


settings_class = RelearningSettings


def change(model, settings, examples, seed, report, how=None) -> None:
    """The relearning attack, as in “Downgrade to Upgrade”, arXiv 2510.00761."""
    from lethe.train.finetune import fit
    from lethe.train.settings import Schedule

    chosen = drawn(len(examples), settings, seed)
    schedule = Schedule(
        epochs=1, lr=settings.lr, batch_size=settings.batch_size, warmup_epochs=0, weight_decay=0
    )
    fit(model, [examples[row] for row in chosen], schedule, f"relearned/{seed}", report, how)


def drawn(size: int, settings: RelearningSettings, seed: int) -> list[int]:
    """Row indices of all steps: the same ``rows`` in a new order on each pass."""
    rng = random.Random(f"relearned/{seed}")
    rows = rng.sample(range(size), min(size, settings.rows or size))
    order: list[int] = []
    while len(order) < settings.steps * settings.batch_size:
        order += rng.sample(rows, len(rows))
    return order[: settings.steps * settings.batch_size]
