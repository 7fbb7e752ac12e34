"""PrivLeak (MUSE, arXiv 2407.06460, Eq. 3): how far a membership attack is from its ideal.

PrivLeak = 100 (a_run - a_oracle) / a_oracle percent, with a the AUC by which Min-K% takes forget
answers for unseen ones (1 - ``auc`` of ``membership_min_k``). 0 is best; strongly negative: still
recognised as seen; positive: over-forgotten, which also gives it away. ``against_chance`` is the
same with a_oracle = 0.5, as OpenUnlearning computes it without an oracle.
"""

from lethe.metrics.base import CheckpointValues, Inputs, only_checkpoint, value_of

RECORDS = False
NEEDS = ("membership_min_k",)
ORACLE = True
# Keeps the quotient finite where the oracle recognises every answer (as OpenUnlearning).
EPSILON = 1e-10


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``privleak`` and ``against_chance`` in percent, from -100 upwards."""
    run, oracle = inputs.needs["membership_min_k"], inputs.oracle["membership_min_k"]
    wanted = 1 - value_of(oracle, only_checkpoint(oracle, "an oracle"), "auc")
    scored = []
    for checkpoint in run.checkpoints:
        unseen = 1 - value_of(run, checkpoint, "auc")
        values = {"privleak": _percent(unseen, wanted), "against_chance": _percent(unseen, 0.5)}
        scored.append(CheckpointValues(checkpoint.epoch, checkpoint.step, values))
    return scored


def _percent(unseen: float, wanted: float) -> float:
    return 100 * (unseen - wanted) / (wanted + EPSILON)
