"""The five metrics that make up the Unified Quality Score, and the distance that weighs them.

As in arXiv 2605.02206, here for text: ``forget_accuracy`` (FA) and ``retain_accuracy`` (RA) are
shares of answers whose ROUGE-L recall reaches ``threshold``; ``attack_success`` (MIA) is the share
of forget questions that a logistic regression, by confidence, entropy and margin of the next token,
takes for unseen, among as many of the retain set; each is judged by one of five regressions that
did not see it; ``state_distance`` (AD) and ``divergence`` (JS) are means over the forget set of the
distances to the oracle that the suite ``oracle_distance`` records; ``weight_distance``: that of the
weights.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics._logistic import cross_predicted
from lethe.metrics.base import CheckpointValues, Inputs, aligned, column_of

NEEDS = ("rouge",)
SUITE = "oracle_distance"
SETS = ("forget", "retain")
SETTINGS = {"threshold": {"default": 0.5, "above": 0, "most": 1}}
FEATURES = ("confidence", "entropy", "margin")
# The most items of each set that the attack sees, as in the paper's code.
ATTACKED = 100


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """The six values; the first three and ``divergence`` in [0, 1].

    LetheError if the records and ROUGE are not of the same checkpoints.
    """
    rouge = [row[0] for row in aligned([inputs.needs["rouge"]])]
    points = inputs.records.checkpoints
    if [(one.epoch, one.step) for one in rouge] != [(one.epoch, one.step) for one in points]:
        raise LetheError(
            f"{inputs.records.path}: not the checkpoints of {inputs.needs['rouge'].place}; "
            "delete both files to have them made again"
        )
    return [_checkpoint(inputs, *pair) for pair in zip(points, rouge, strict=True)]


def _checkpoint(inputs: Inputs, checkpoint, rouge: CheckpointValues) -> CheckpointValues:
    accuracy = {
        name: float(np.mean(np.array(rouge.items[name]) >= inputs.settings["threshold"]))
        for name in SETS
    }
    means = {
        name: float(np.mean(column_of(inputs, checkpoint, "forget", name)))
        for name in ("state_distance", "divergence", "weight_distance")
    }
    values = {
        "forget_accuracy": accuracy["forget"],
        "retain_accuracy": accuracy["retain"],
        "attack_success": _attack_success(inputs, checkpoint),
        **means,
    }
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values)


def _attack_success(inputs: Inputs, checkpoint) -> float:
    features = {
        name: np.column_stack([column_of(inputs, checkpoint, name, f) for f in FEATURES])
        for name in SETS
    }
    size = min(ATTACKED, *map(len, features.values()))
    seen, unseen = features["retain"][:size], features["forget"][:size]
    labels = np.repeat([1, 0], size)
    said = cross_predicted(np.concatenate([seen, unseen]), labels)
    return float(np.mean(said[labels == 0] == 0))
