"""The forget set's truth ratio in all forms in use, side by side.

R as in ``truth_ratio``, geometric and arithmetic. For each, ``closer`` is the mean of min(R, 1/R)
(the official code; 1: right and wrong answers equally likely), and ``share`` the mean of 1 / (1 +
R), which is right / (right + wrong) (arXiv 2506.12618, Eq. 7; 0.5: equally likely, 1: known).
``arithmetic_mean`` is the mean of R itself, as in TOFU's Table 1.
"""

import numpy as np

from lethe.metrics._ratios import closer_to_one, log_ratios
from lethe.metrics.base import CheckpointValues, Inputs

SETS = ("forget",)
VARIANTS = ("geometric", "arithmetic")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``closer`` and ``share`` of both variants, and ``arithmetic_mean``."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    values, items = {}, {}
    for variant in VARIANTS:
        logs = log_ratios(inputs, checkpoint, "forget", variant)
        values[f"{variant}_closer"] = float(closer_to_one(logs).mean())
        shares = 1 / (1 + np.exp(logs))
        values[f"{variant}_share"] = float(shares.mean())
        items[f"{variant}_share"] = shares.tolist()
    values["arithmetic_mean"] = float(np.exp(logs).mean())
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)
