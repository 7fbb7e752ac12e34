"""Membership attack against a reference (Carlini et al. 2021, arXiv 2012.07805): how much lower
is the loss than that of a model that has not seen the answer?

The score is the run's loss minus the oracle's on the same answer. For an oracle against itself all
scores are 0 and ``auc`` is 0.5.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics._membership import SETS, attack_values
from lethe.metrics.base import CheckpointValues, Inputs, MetricFile, only_checkpoint

RECORDS = False
NEEDS = ("membership_loss",)
ORACLE = True


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, mean scores and scores; LetheError if the oracle's questions differ."""
    run, oracle = inputs.needs["membership_loss"], inputs.oracle["membership_loss"]
    reference = only_checkpoint(oracle, "an oracle")
    scored = []
    for checkpoint in run.checkpoints:
        _same_questions(run, checkpoint, oracle, reference)
        scores = {name: np.subtract(checkpoint.items[name], reference.items[name]) for name in SETS}
        scored.append(
            attack_values(checkpoint.epoch, checkpoint.step, scores, checkpoint.questions)
        )
    return scored


def _same_questions(
    run: MetricFile, checkpoint: CheckpointValues, oracle: MetricFile, reference: CheckpointValues
) -> None:
    for name in SETS:
        ours, theirs = checkpoint.questions.get(name, []), reference.questions.get(name, [])
        differing = sum(a != b for a, b in zip(ours, theirs, strict=False))
        differing += abs(len(ours) - len(theirs))
        if differing or not ours:
            raise LetheError(
                f"{run.place}: {differing} of its {len(ours)} {name} questions are not those of "
                f"the oracle {oracle.place}; evaluate both on the same sets"
            )
