"""What is known by text, by picture and by both, in unseen views and without the right picture.

For worlds with pictures. The trained view is the picture that models learned; unseen views vary it
(CoVUBench, arXiv 2605.03547). What a model still says without the picture, or with that of another
person, it does not know from the picture (the controls of VLM-UnBench).
"""

import numpy as np

from lethe.common.refusals import is_refusal, phrases
from lethe.common.rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, items_of, mean

SUITE = "pictures"
# The sets that every split of such a world has; views are there if no model learned them.
SETS = ("text", "picture", "both", "no_picture", "other_picture", "retain_picture")
VIEWS = ("pose", "scale", "context", "style", "composition")
RETAIN_UNSEEN = "retain_unseen"
NUMBERS = ("probability", "rouge", "refused")
REFUSALS = phrases("tofu")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Means in [0, 1] of the answers' probability exp(-mean loss of a token) and ROUGE-L recall.

    ``SET_probability``, ``SET_rouge`` and ``SET_refused``, the share of answers that say that the
    model does not know, for each set of the suite, of which the forget set's are ``text``,
    ``picture``, ``both``, ``no_picture``, ``other_picture`` and the unseen views; ``unseen_*``: the
    mean over the unseen views; ``gap_*``: unseen minus ``picture``, the trained view;
    ``retain_gap_*``: the same of the retain probes; ``by_picture_*``: ``picture`` minus
    ``other_picture``.
    """
    score = rouge_l()
    return [_checkpoint(inputs, point, score) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point, score) -> CheckpointValues:
    views = [name for name in VIEWS if name in point.sets]
    more = [RETAIN_UNSEEN] if RETAIN_UNSEEN in point.sets else []
    values: dict[str, float] = {}
    items: dict[str, list[float]] = {}
    for name in (*SETS, *views, *more):
        for number, some in _numbers(items_of(inputs, point, name), score).items():
            items[f"{name}_{number}"] = some
            values[f"{name}_{number}"] = mean(some)
    for number in NUMBERS:
        seen = values[f"picture_{number}"]
        values[f"by_picture_{number}"] = seen - values[f"other_picture_{number}"]
        if views:
            unseen = mean([values[f"{name}_{number}"] for name in views])
            values |= {f"unseen_{number}": unseen, f"gap_{number}": unseen - seen}
        if more:
            theirs = values[f"{RETAIN_UNSEEN}_{number}"] - values[f"retain_picture_{number}"]
            values[f"retain_gap_{number}"] = theirs
    return CheckpointValues(point.epoch, point.step, values, items)


def _numbers(rows, score) -> dict[str, list[float]]:
    said = zip(rows.answer, rows.generation, strict=True)
    return {
        "probability": np.exp(-rows.answer_loss).tolist(),
        "rouge": [float(score(*both).recall) for both in said],
        "refused": [float(is_refusal(text, REFUSALS)) for text in rows.generation],
    }
