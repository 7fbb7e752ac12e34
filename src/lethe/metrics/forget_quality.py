"""Forget quality: can the unlearned model be told from the oracle (TOFU, arXiv 2401.06121)?

The p-value of the two-sided two-sample Kolmogorov-Smirnov test between the truth ratios of the
unlearned model and of the oracle (trained on the retain authors only) on the same forget items. p
is exact, as all published values are, not the asymptotic formula of the paper's Appendix A.
"""

import math
from collections import Counter

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, MetricFile, only_checkpoint

RECORDS = False
NEEDS = ("truth_ratio",)
ORACLE = True
# Beyond about 511 items p can be smaller than any double; its logarithm is then cut off here.
SMALLEST_P = 2.2250738585072014e-308


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``forget_quality`` (p), ``log10_forget_quality`` and ``ks_statistic`` of every checkpoint.

    LetheError if the oracle has other questions, another variant or more than one checkpoint.
    """
    run, oracle = inputs.needs["truth_ratio"], inputs.oracle["truth_ratio"]
    return [
        CheckpointValues(checkpoint.epoch, checkpoint.step, against(run, checkpoint, oracle))
        for checkpoint in run.checkpoints
    ]


def against(run: MetricFile, checkpoint: CheckpointValues, oracle: MetricFile) -> dict[str, float]:
    """The values of one checkpoint of a run; both files are those of ``truth_ratio``."""
    reference = only_checkpoint(oracle, "an oracle")
    if run.settings != oracle.settings:
        raise LetheError(
            f"{run.place}: made with {run.settings}, the oracle's {oracle.place} with "
            f"{oracle.settings}; delete the one with the wrong setting"
        )
    ratios, questions = _forget(run, checkpoint)
    oracle_ratios, oracle_questions = _forget(oracle, reference)
    _same_questions(run, questions, oracle, oracle_questions)
    return compare(ratios, oracle_ratios)


def compare(ratios: list[float], oracle_ratios: list[float]) -> dict[str, float]:
    """The values for two samples of truth ratios, of n and m items."""
    # Imported here because importing it takes longer than everything else.
    from scipy.stats import ks_2samp

    test = ks_2samp(ratios, oracle_ratios)
    p = float(test.pvalue)
    return {
        "forget_quality": p,
        "log10_forget_quality": math.log10(max(p, SMALLEST_P)),
        "ks_statistic": float(test.statistic),
    }


def _forget(file: MetricFile, checkpoint: CheckpointValues) -> tuple[list[float], list[str]]:
    for part in (checkpoint.items, checkpoint.questions):
        if "forget" not in part:
            why = "no items or no questions of the forget set"
            raise LetheError(f"{file.place}: {why}; delete the file to have it made again")
    ratios = checkpoint.items["forget"]
    if min(ratios) <= 0:
        why = "a truth ratio is not above 0"
        raise LetheError(f"{file.place}: {why}; delete the file to have it made again")
    return ratios, checkpoint.questions["forget"]


def _same_questions(run: MetricFile, questions, oracle: MetricFile, oracle_questions) -> None:
    ours, theirs = Counter(questions), Counter(oracle_questions)
    if ours == theirs:
        return
    lacking, extra = (ours - theirs).total(), (theirs - ours).total()
    raise LetheError(
        f"{run.place}: {lacking} of its {len(questions)} forget questions are not the oracle's, "
        f"and {extra} of the {len(oracle_questions)} of the oracle {oracle.place} are not its "
        "own; evaluate both on the same forget set"
    )
