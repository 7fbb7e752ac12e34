"""Fluency of what the model says, without a classifier: does it repeat itself, is it language?

Our own definition, since the usual one needs a downloaded classifier. For one generation

    variety   = distinct / all of its word trigrams: 1 - rep-3 of Welleck et al. 2020
                (arXiv 1908.04319), low for a text that runs in circles
    language  = share of its runs of four characters that occur in the questions and true answers
                of the records, low for tokens thrown together

and fluency = variety * language, 0 for an empty generation. It says nothing about whether the
answer is right. The records' texts are the same for all runs of a split, so runs are comparable.
"""

from functools import cache

import numpy as np

from lethe.metrics.base import CheckpointValues, Inputs, column_of

SETS = ("forget", "retain", "real_authors", "world_facts")
WORDS = 3
CHARACTERS = 4


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] for the four sets; LetheError if a set is missing."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    said = {name: column_of(inputs, checkpoint, name, "generation") for name in SETS}
    known: set[str] = set()
    for name in SETS:
        for text in [*checkpoint.sets[name].question, *checkpoint.sets[name].answer]:
            known.update(_runs(_padded(text)))

    @cache
    def fluency(text: str) -> float:
        return _variety(text) * _language(text, known)

    items = {name: [fluency(text) for text in texts] for name, texts in said.items()}
    values = {name: float(np.mean(some)) for name, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _variety(text: str) -> float:
    words = text.split()
    if not words:
        return 0.0
    # A text shorter than a trigram counts as one piece.
    trigrams = list(zip(*(words[start:] for start in range(WORDS)), strict=False)) or [words]
    return len(set(map(tuple, trigrams))) / len(trigrams)


def _language(text: str, known: set[str]) -> float:
    runs = _runs(_padded(text))
    return sum(run in known for run in runs) / len(runs)


def _padded(text: str) -> str:
    """The text in lower case, with single spaces between and around its words."""
    return f" {' '.join(text.lower().split())} "


def _runs(text: str) -> list[str]:
    return [text[i : i + CHARACTERS] for i in range(max(1, len(text) - CHARACTERS + 1))]
