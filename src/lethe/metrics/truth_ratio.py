"""Truth ratio: are wrong answers as likely as the right one (TOFU, arXiv 2401.06121, Eq. 1)?

R = P(wrong answers) / P(right answer), each answer's probability normalised by its length. The
right answer is the paraphrase, or the answer itself in sets without paraphrases. Over wrong
answers:

    geometric    R = exp(l_right - mean_j l_j), as in the published aggregation; the default here
    arithmetic   R = mean_j exp(l_right - l_j), the paper's Eq. 1

The value of the forget set is the mean of min(R, 1/R), of the others the mean of max(0, 1 - R).
"""

import numpy as np

from lethe.metrics._ratios import closer_to_one, log_ratios
from lethe.metrics.base import CheckpointValues, Inputs

SETTINGS = {"variant": ("geometric", "arithmetic")}
SETS = ("forget", "retain", "real_authors", "world_facts")
# Sets whose items are compared between runs, paired by question.
PAIRED = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Items R > 0 and values in [0, 1] for the four sets, and the questions of the paired ones.

    LetheError if a set, its paraphrases or its perturbed answers are missing.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    variant = inputs.settings["variant"]
    logs = {name: log_ratios(inputs, checkpoint, name, variant) for name in SETS}
    values = {name: float(scores(name, log).mean()) for name, log in logs.items()}
    ratios = {name: np.exp(log).tolist() for name, log in logs.items()}
    questions = {name: list(checkpoint.sets[name].question) for name in PAIRED}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, ratios, questions)


def scores(name: str, logs: np.ndarray) -> np.ndarray:
    """The score of each item from its log R: [n] in [0, 1]; the value of a set is their mean.

    min(R, 1/R) on the forget set, max(0, 1 - R) on the others.
    """
    if name == "forget":
        return closer_to_one(logs)
    return np.maximum(0.0, 1.0 - np.exp(logs))
