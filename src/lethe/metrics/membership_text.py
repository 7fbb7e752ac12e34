"""Membership attack Min-K% on whole texts, as MUSE makes it (arXiv 2407.06460, section 3.1).

A text's surprise is the mean negative log-likelihood of its k least likely tokens, k = int(n K/100)
of its n tokens. ``auc`` is the share of pairs in which the text that no model is trained on
surprises less than the one that is to be forgotten, ties half: near 0 where a model knows the
forget set. Mind that ``membership_min_k`` has its AUC the other way round.
"""

from collections.abc import Sequence

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

SUITE = "whole_texts"
SETS = ("forget", "holdout")
SETTINGS = {"percent": {"default": 40, "least": 1, "most": 100}}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``auc``, the mean surprise of either set (nats), and each text's surprise as items."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    surprises = {name: _surprises(inputs, checkpoint, name) for name in SETS}
    values = {"auc": auc(**surprises)}
    values |= {name: float(np.mean(some)) for name, some in surprises.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, surprises)


def _surprises(inputs: Inputs, checkpoint, name: str) -> list[float]:
    tokens = column_of(inputs, checkpoint, name, "token_logprob")
    texts = items_of(inputs, checkpoint, name).question
    share = inputs.settings["percent"]
    return [_surprise(row, share, text) for row, text in zip(tokens, texts, strict=True)]


def _surprise(logprobs: np.ndarray, percent: int, text: str) -> float:
    # Whole numbers, so that no rounding of a share takes a token away.
    count = len(logprobs) * percent // 100
    if count == 0:
        raise LetheError(
            f"metric 'membership_text': {text}: {percent}% of its {len(logprobs)} tokens are none; "
            "remove the text"
        )
    return float(-np.sort(logprobs)[:count].mean())


def auc(forget: Sequence[float], holdout: Sequence[float]) -> float:
    """How often a text of ``holdout`` surprises less than one of ``forget``, ties half."""
    # Imported here because importing it takes longer than everything else.
    from scipy.stats import mannwhitneyu

    statistic = mannwhitneyu(forget, holdout, method="asymptotic").statistic
    return float(statistic / (len(forget) * len(holdout)))
