"""Shared by MUSE's metrics: ROUGE-L of two texts without stemming, as MUSE computes it."""

from collections.abc import Callable
from functools import cache


def rouge_l_f1() -> Callable[[str, str], float]:
    """A function (target, prediction) -> F1 in [0, 1] by the package ``rouge_score``."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=False)

    @cache
    def score(target: str, prediction: str) -> float:
        return float(scorer.score(target, prediction)["rougeL"].fmeasure)

    return score
