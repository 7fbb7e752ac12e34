"""Surface and content of answers: whether their words are the true answer's, and its fact.

Greedy answers to the forget set are compared with the true ones:

    ngram_overlap   the share of an answer's runs of 4 words that the true answer has as well
    fact_recall     the share of the true answer's novel words (``common.novel_words``) that it has

A model may tell a fact in words of its own: then the first falls and the second stays (AI-FOPT,
arXiv 2601.02631 [RECON]). An answer of fewer than 4 words has one run, itself.
"""

import re

import numpy as np

from lethe.common.novel_words import novel_words, recall
from lethe.metrics.base import CheckpointValues, Inputs, items_of

SETS = ("forget",)
LENGTH = 4
WORD = re.compile(r"[^\W_]+")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1]; rows whose answer has no novel word count for overlap alone."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    rows = items_of(inputs, checkpoint, "forget")
    texts = list(zip(rows.question, rows.answer, rows.generation, strict=True))
    facts = [(novel_words(question, answer), said) for question, answer, said in texts]
    items = {
        "ngram_overlap": [overlap(said, answer) for _, answer, said in texts],
        "fact_recall": [recall(novel, said) for novel, said in facts if novel],
    }
    values = {name: float(np.mean(some)) for name, some in items.items() if some}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def overlap(text: str, other: str) -> float:
    """The share of a text's runs of 4 words that the other text has; 0 for a text without words."""
    own, theirs = _runs(text), set(_runs(other))
    return sum(run in theirs for run in own) / len(own) if own else 0.0


def _runs(text: str) -> list[tuple[str, ...]]:
    words = WORD.findall(text.lower())
    if not words:
        return []
    length = min(LENGTH, len(words))
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
