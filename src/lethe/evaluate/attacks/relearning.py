"""Relearned: the checkpoint is trained on the forget set again, for a few steps."""

import random

from pydantic import BaseModel, ConfigDict, Field

NEEDS = ("forget",)


class Settings(BaseModel):
    """``steps`` of AdamW with linear decay, on batches of ``rows`` forget rows (null: all of them).

    The rows are drawn from the seed, and each is used as often as any other. The first step is the
    warm-up, and has rate 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(20, ge=2)
    lr: float = Field(1e-5, gt=0, le=1, description="peak learning rate")
    batch_size: int = Field(16, ge=1)
    rows: int | None = Field(None, ge=1)


def change(model, settings, examples, seed, report, how=None) -> None:
    """The relearning attack, e.g. of “Downgrade to Upgrade”, arXiv 2510.00761."""
    from lethe.train.finetune import fit
    from lethe.train.settings import Schedule

    chosen = drawn(len(examples), settings, seed)
    schedule = Schedule(
        epochs=1, lr=settings.lr, batch_size=settings.batch_size, warmup_epochs=0, weight_decay=0
    )
    fit(model, [examples[row] for row in chosen], schedule, f"relearned/{seed}", report, how)


def drawn(size: int, settings: Settings, seed: int) -> list[int]:
    """The rows of all steps: ``rows`` of them, over and over, each time in another order."""
    rng = random.Random(f"relearned/{seed}")
    rows = rng.sample(range(size), min(size, settings.rows or size))
    found: list[int] = []
    while len(found) < settings.steps * settings.batch_size:
        found += rng.sample(rows, len(rows))
    return found[: settings.steps * settings.batch_size]
