"""ROUGE-L of two texts (Lin 2004), by the ``rouge_score`` package with Porter's stemmer."""

from collections.abc import Callable
from functools import cache


def rouge_l() -> Callable:
    """A function (target, prediction) -> the package's ``Score``: precision, recall, F1 in [0, 1].

    Results are cached, since checkpoints often repeat a generation.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=True)

    @cache
    def score(target: str, prediction: str):
        return scorer.score(target, prediction)["rougeL"]

    return score
