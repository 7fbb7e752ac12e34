"""PrivLeak of MUSE (arXiv 2407.06460, Eq. 3) on whole texts, in percent.

    PrivLeak = 100 (AUC - AUC_retrain) / AUC_retrain

with the AUC of ``membership_text``, and AUC_retrain that of the oracle of this run. MUSE's code has
constants in its place, measured on its own retrained 7B models: 0.4772 for News, 0.5393 for Books;
they hold for no other model and are not used. 0 is best; -100: recognised as learned as well as
can be; above 0: forgotten more than by a model that never saw the texts.
"""

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, only_checkpoint, value_of

RECORDS = False
NEEDS = ("membership_text",)
ORACLE = True


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``privleak``, from -100 upwards. LetheError where the oracle's AUC is 0: no quotient."""
    run, oracle = inputs.needs["membership_text"], inputs.oracle["membership_text"]
    wanted = value_of(oracle, only_checkpoint(oracle, "an oracle"), "auc")
    if wanted == 0:
        raise LetheError(
            f"{oracle.place}: the oracle's AUC is 0, by which MUSE's PrivLeak divides; give more "
            "texts, or leave muse_privleak out"
        )
    return [
        CheckpointValues(
            checkpoint.epoch,
            checkpoint.step,
            {"privleak": 100 * ((value_of(run, checkpoint, "auc") - wanted) / wanted)},
        )
        for checkpoint in run.checkpoints
    ]
