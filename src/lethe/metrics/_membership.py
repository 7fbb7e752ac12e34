"""Shared by membership attacks: a score for each answer, high for answers never seen."""

from collections.abc import Callable, Mapping

import numpy as np

from lethe.evaluate.records import Nested
from lethe.metrics.base import CheckpointValues, Inputs

SETS = ("forget", "holdout")
# Share of an answer's tokens that Min-K% averages: OpenUnlearning's choice for TOFU.
SHARE = 0.4


def attack(inputs: Inputs, score: Callable[..., np.ndarray]) -> list[CheckpointValues]:
    """Apply ``score(checkpoint, set name) -> [n]`` to every checkpoint of the records."""
    attacked = []
    for checkpoint in inputs.records.checkpoints:
        scores = {name: score(checkpoint, name) for name in SETS}
        questions = {name: list(checkpoint.sets[name].question) for name in SETS}
        attacked.append(attack_values(checkpoint.epoch, checkpoint.step, scores, questions))
    return attacked


def attack_values(
    epoch: int,
    step: int,
    scores: Mapping[str, np.ndarray],
    questions: Mapping[str, list[str]],
) -> CheckpointValues:
    """``auc`` in [0, 1], the mean score of each set, and the scores as items."""
    values = {"auc": auc(scores["forget"], scores["holdout"])}
    values |= {name: float(np.mean(scores[name])) for name in SETS}
    items = {name: np.asarray(scores[name]).tolist() for name in SETS}
    return CheckpointValues(epoch, step, values, items, dict(questions))


def lowest(values: Nested) -> np.ndarray:
    """Mean of the lowest 40% (rounded down, at least one) of each item's values, [n]."""
    counts = (max(1, int(len(row) * SHARE)) for row in values)
    pairs = zip(values, counts, strict=True)
    return np.array([np.sort(row)[:count].mean() for row, count in pairs])


def auc(forget: np.ndarray, holdout: np.ndarray) -> float:
    """Share of pairs in which the holdout answer scores higher than the forget answer, ties half.

    1: forget answers are recognised as seen; 0.5: they cannot be told apart; below 0.5: they look
    less familiar than answers that no model has seen.
    """
    # Imported here because importing it takes longer than everything else.
    from scipy.stats import mannwhitneyu

    statistic = mannwhitneyu(holdout, forget, method="asymptotic").statistic
    return float(statistic / (len(holdout) * len(forget)))
