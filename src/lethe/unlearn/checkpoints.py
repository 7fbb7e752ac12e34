"""The checkpoints that a run leaves, one after each epoch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lethe.model import checkpoint
from lethe.train.execution import Execution
from lethe.train.loop import Report
from lethe.unlearn.interface import Supervision
from lethe.unlearn.method import Method


def leave_checkpoints(
    method: Method,
    model,
    tokenizer,
    data: Supervision,
    seed: int,
    origin: Mapping[str, Any],
    place: Callable[[int], str | Path],
    report: Report,
    how: Execution | None = None,
) -> dict[str, int]:
    """Run a method and save a checkpoint after each epoch, at ``place(epoch)``.

    Returns counts: steps and rows.
    """
    step = 0
    for epoch, step in method.run(model, data, seed, report, how):
        checkpoint.save(place(epoch), model, tokenizer, {**origin, "epoch": epoch, "step": step})
    return {"steps": step, "rows": len(data.forget)}
