"""MMLU (arXiv 2009.03300): the four letters after a question of multiple choice, as plain text.

The prompt is that of MMLU's authors (``lethe.evaluate.plain_letters``) without examples [RECON:
SemEval-2025 task 4 does not say how many it has], and no template is around it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.evaluate import plain_letters
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import mean_losses
from lethe.world.rows import OPTION_FIELDS

SETS = {"mmlu": "choices"}
COLUMNS = ("option_loss", "option_tokens", "label")
PROBE = True
LETTERS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Prepared:
    """The questions, and four examples for each."""

    rows: list[dict]
    examples: list[Example]


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without an option, a subject or the right letter."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            for field in ("subject", "label", *OPTION_FIELDS):
                text_of(row, field, place)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every letter behind every question."""
    chosen = list(rows["mmlu"])
    examples = [
        one for row in chosen for one in plain_letters.examples(encoder, prompt(row), LETTERS)
    ]
    return Prepared(chosen, examples)


def prompt(row: Mapping) -> str:
    """What comes before the letter."""
    options = [row[field] for field in OPTION_FIELDS]
    return plain_letters.prompt(row["question"], options, row["subject"])


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The losses of the four letters of every question under one model."""
    losses = np.array(mean_losses(model, prepared.examples, limits.token_budget))
    tokens = np.array([example.answer_tokens for example in prepared.examples])
    shape = (len(prepared.rows), len(LETTERS))
    return {
        "mmlu": ItemSet(
            question=[row["question"] for row in prepared.rows],
            answer=[row["answer"] for row in prepared.rows],
            label=[row["label"] for row in prepared.rows],
            option_loss=nested(losses.reshape(shape).tolist()),
            option_tokens=nested(tokens.reshape(shape).tolist()),
        )
    }
