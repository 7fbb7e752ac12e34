"""How likely each fact's answer is in every language, and how it compares with wrong ones there.

p = P(answer | question)^(1/|answer|), the end token included, and the truth ratio R of TOFU (arXiv
2401.06121, Eq. 1) within the language, as in the metric ``truth_ratio``:

    geometric    R = exp(l_right - mean_j l_j); the default
    arithmetic   R = mean_j exp(l_right - l_j)
"""

import numpy as np

from lethe.metrics._ratios import LARGEST_LOG
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean

SUITE = "languages"
SETS = ("forget", "retain")
SETTINGS = {"variant": ("geometric", "arithmetic")}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """For each set S and language L, the mean p in [0, 1] as ``S_L``.

    Items: p as ``S_L`` and R > 0 as ``S_L_ratio``, in the order of the records.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    items: dict[str, list[float]] = {}
    values: dict[str, float] = {}
    for name in SETS:
        losses = np.array(column_of(inputs, checkpoint, name, "language_loss"))
        ratios = _ratios(inputs, checkpoint, name)
        for place, language in enumerate(column_of(inputs, checkpoint, name, "language")[0]):
            items[f"{name}_{language}"] = np.exp(-losses[:, place]).tolist()
            items[f"{name}_{language}_ratio"] = ratios[:, place].tolist()
            values[f"{name}_{language}"] = mean(items[f"{name}_{language}"])
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _ratios(inputs: Inputs, checkpoint, name: str) -> np.ndarray:
    """R of each fact in each language, [n, languages]."""
    right = np.array(column_of(inputs, checkpoint, name, "language_paraphrase_loss"))
    wrong = column_of(inputs, checkpoint, name, "language_wrong_loss")
    logs = [
        _over_wrong(losses[:, None] - np.reshape(others, (len(losses), -1)), inputs.settings)
        for losses, others in zip(right, wrong, strict=True)
    ]
    return np.exp(np.clip(logs, -LARGEST_LOG, LARGEST_LOG))


def _over_wrong(logs: np.ndarray, settings) -> np.ndarray:
    """The logarithm of the mean over wrong answers, geometric or arithmetic, [languages]."""
    if settings["variant"] == "geometric":
        return logs.mean(-1)
    largest = logs.max(-1, keepdims=True)
    return largest[:, 0] + np.log(np.exp(logs - largest).mean(-1))
