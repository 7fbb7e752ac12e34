"""What is left of the facts that must stay: of authors with forgotten facts, and of all others.

For splits that forget some facts of an author (PPU-Bench, arXiv 2605.08800, which asks the same of
its subjects). Forgetting that spreads within an author shows as a gap between the two.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.common.rouge import rouge_l
from lethe.metrics.base import REMEDY, CheckpointValues, Inputs, aligned, items_of, value_of

SUITE = "kept"
SETS = ("kept",)
NEEDS = ("probability", "rouge")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Means in [0, 1] of the answers' probability exp(-mean loss of a token) and ROUGE-L recall.

    ``kept_*``: of the kept facts of authors with forgotten ones; ``others_*``: of the retain set,
    whose authors are others; ``gap_*``: others minus kept.
    """
    score = rouge_l()
    others = {(p[0].epoch, p[0].step): p for p in aligned(inputs.needs[name] for name in NEEDS)}
    points = inputs.records.checkpoints
    if [(point.epoch, point.step) for point in points] != [*others]:
        raise LetheError(
            f"{inputs.records.path}: its checkpoints are not those of {NEEDS[0]}; {REMEDY}"
        )
    return [_checkpoint(inputs, point, others[point.epoch, point.step], score) for point in points]


def _checkpoint(inputs: Inputs, point, others, score) -> CheckpointValues:
    rows = items_of(inputs, point, "kept")
    said = zip(rows.answer, rows.generation, strict=True)
    own = {
        "probability": np.exp(-rows.answer_loss).tolist(),
        "rouge": [float(score(*both).recall) for both in said],
    }
    values: dict[str, float] = {}
    items: dict[str, list[float]] = {}
    for name, of_others in zip(NEEDS, others, strict=True):
        mine = float(np.mean(own[name]))
        other = value_of(inputs.needs[name], of_others, "retain")
        values |= {f"kept_{name}": mine, f"others_{name}": other, f"gap_{name}": other - mine}
        items |= {f"kept_{name}": own[name], f"others_{name}": of_others.items["retain"]}
    return CheckpointValues(point.epoch, point.step, values, items)
