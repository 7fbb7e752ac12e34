"""What is left of the facts that must stay: of the authors with forgotten facts, and of all others.

For splits that forget some facts of an author (PPU-Bench, arXiv 2605.08800, which asks the same of
its subjects). Forgetting that spreads within an author shows as a gap between the two.
"""

import numpy as np

from lethe.metrics._rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, aligned, items_of, value_of

SUITE = "kept"
SETS = ("kept",)
NEEDS = ("probability", "rouge")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Means in [0, 1] of the answers' probability exp(-mean loss of a token) and ROUGE-L recall.

    ``kept_*``: of the kept facts of authors with forgotten ones; ``others_*``: of the retain set's,
    which are other authors'; ``gap_*``: others less kept.
    """
    score = rouge_l()
    others = aligned(inputs.needs[name] for name in NEEDS)
    at = {(first.epoch, first.step): pair for pair in others for first in pair[:1]}
    return [
        _checkpoint(inputs, point, at[point.epoch, point.step], score)
        for point in inputs.records.checkpoints
    ]


def _checkpoint(inputs: Inputs, point, others, score) -> CheckpointValues:
    rows = items_of(inputs, point, "kept")
    recalls = [
        float(score(*both).recall) for both in zip(rows.answer, rows.generation, strict=True)
    ]
    kept = {"probability": np.exp(-rows.answer_loss).tolist(), "rouge": recalls}
    values: dict[str, float] = {}
    items: dict[str, list[float]] = {}
    for name, theirs in zip(NEEDS, others, strict=True):
        mine, other = float(np.mean(kept[name])), value_of(inputs.needs[name], theirs, "retain")
        values |= {f"kept_{name}": mine, f"others_{name}": other, f"gap_{name}": other - mine}
        items |= {f"kept_{name}": kept[name], f"others_{name}": theirs.items["retain"]}
    return CheckpointValues(point.epoch, point.step, values, items)
