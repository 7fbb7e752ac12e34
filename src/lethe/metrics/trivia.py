"""Exact match and F1 of short answers with several accepted ones (TriviaQA, arXiv 1705.03551).

Texts are compared in lower case, without punctuation and the articles a, an and the. F1 is that of
the words, each as often as it occurs. The best of the accepted answers counts.
"""

from collections import Counter
from collections.abc import Sequence

from lethe.metrics._short_answers import words
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean

SUITE = "trivia"
SETS = ("trivia",)


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``exact_match`` and ``f1`` in [0, 1], with items."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    said = [words(text) for text in column_of(inputs, checkpoint, "trivia", "generation")]
    accepted = column_of(inputs, checkpoint, "trivia", "option")
    pairs = [(own, [*map(words, some)]) for own, some in zip(said, accepted, strict=True)]
    items = {
        "exact_match": [max(float(own == true) for true in some) for own, some in pairs],
        "f1": [max(_f1(own, true) for true in some) for own, some in pairs],
    }
    values = {name: mean(some) for name, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _f1(said: Sequence[str], true: Sequence[str]) -> float:
    if not said or not true:
        return float(said == true)
    common = (Counter(said) & Counter(true)).total()
    return 2 * common / (len(said) + len(true))
