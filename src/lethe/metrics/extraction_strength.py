"""Extraction strength (Carlini et al. 2021, arXiv 2012.07805; as in arXiv 2506.12618, section 3).

How little of an answer must be given before the model completes the rest, teacher-forced: 1 -
k/|a|, with k the smallest number of leading tokens after which every token is the likeliest. The
end token does not count. An answer whose last token is not the likeliest scores 0 (``strict``);
open-unlearning never gives less than 1/|a| (``open_unlearning``).
"""

import numpy as np

from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "tokens"
SETS = ("forget",)
SETTINGS = {"last_token": ("strict", "open_unlearning")}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Value and items in [0, 1] of the forget set; LetheError if it is missing."""
    least = inputs.settings["last_token"] == "open_unlearning"
    scored = []
    for checkpoint in inputs.records.checkpoints:
        matches = column_of(inputs, checkpoint, "forget", "token_match")
        items = [_strength(np.asarray(row, dtype=bool), least) for row in matches]
        values = {"forget": float(np.mean(items))}
        scored.append(
            CheckpointValues(checkpoint.epoch, checkpoint.step, values, {"forget": items})
        )
    return scored


def _strength(match: np.ndarray, least: bool) -> float:
    wrong = np.flatnonzero(~match)
    given = 0 if len(wrong) == 0 else int(wrong[-1]) + 1
    if least:
        given = min(given, len(match) - 1)
    return 1 - given / len(match)
