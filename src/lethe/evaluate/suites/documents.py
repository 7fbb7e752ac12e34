"""Whole documents, as a membership attack sees them: those to be forgotten, and others never seen.

A document is a completion's question and answer, joined by a space [RECON: the task's own files of
members and non-members, which hold whole documents, are not published]. Its loss is that of the
plain text, without any template and without an end token, as in SemEval-2025 task 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate import task_rows
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.task_rows import COMPLETION, FORM
from lethe.model.encoder import Encoder, Example, token_ids
from lethe.model.likelihood import mean_losses

SETS = {"member": "forget", "nonmember": "holdout"}
COLUMNS = ("text_loss",)
PROBE = True
FIELDS_CHECK = "lethe.evaluate.task_rows.check_fields"

check = task_rows.check_rows


def together(rows: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
    """The documents of either set: its completions. LetheError for a set without any."""
    chosen = {name: [row for row in some if row[FORM] == COMPLETION] for name, some in rows.items()}
    for name, some in chosen.items():
        if not some:
            raise LetheError(f"set '{name}': no document; raise evaluation.items")
    return chosen


@dataclass(frozen=True)
class Prepared:
    """The completions of either set, and their whole texts, tokenised."""

    rows: dict[str, list[dict]]
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every document; LetheError names one that is too short."""
    documents = {name: list(some) for name, some in rows.items()}
    return Prepared(documents, {name: _examples(encoder, some) for name, some in documents.items()})


def _examples(encoder: Encoder, rows: Sequence[dict]) -> list[Example]:
    texts = [text(row) for row in rows]
    # A model of chats may have a start token that its template writes; as plain text has it too.
    encoded = token_ids(encoder.tokenizer, texts, special=True)
    for row, ids in zip(rows, encoded, strict=True):
        if len(ids) < 2:
            raise LetheError(f"document {text(row)[:60]!r} is a single token; remove it")
    # The first token has nothing before it that could predict it.
    return [Example(tuple(ids[: encoder.max_length]), 1) for ids in encoded]


def text(row: Mapping) -> str:
    """The document of a completion."""
    return f"{row['question']} {row['answer']}"


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The loss of every document under one model."""
    return {
        name: ItemSet(
            question=[row["question"] for row in prepared.rows[name]],
            answer=[row["answer"] for row in prepared.rows[name]],
            text_loss=np.array(mean_losses(model, examples, limits.token_budget)),
        )
        for name, examples in prepared.examples.items()
    }
