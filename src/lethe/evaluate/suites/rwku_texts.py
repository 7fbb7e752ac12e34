"""Texts of RWKU's membership attack (arXiv 2406.10890), token by token, as plain text.

Both sets are texts that a pretrained model has most likely seen: about the targets, and about
others. There is no template around them; the tokenizer adds its start token, as in the authors'
code. A text is cut at the encoder's ``max_length``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites.tokens import answer_tokens
from lethe.model.encoder import Encoder, Example, token_ids

SETS = {"forget": "mia_forget", "retain": "mia_retain"}
COLUMNS = ("text_loss", "token_logprob", "token_zscore")
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """Rows and their tokenised texts, by set."""

    rows: dict[str, list[dict]]
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every text; LetheError names one that is too short."""
    texts = {name: list(some) for name, some in rows.items()}
    return Prepared(texts, {name: _examples(encoder, name, some) for name, some in texts.items()})


def _examples(encoder: Encoder, name: str, rows: Sequence[dict]) -> list[Example]:
    encoded = token_ids(encoder.tokenizer, [row["answer"] for row in rows], special=True)
    for number, ids in enumerate(encoded, start=1):
        if len(ids) < 2:
            raise LetheError(f"set '{name}', row {number}: the text is a single token; remove it")
    # The first token has nothing before it that could predict it.
    return [Example(tuple(ids[: encoder.max_length]), 1) for ids in encoded]


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """Log-probability and z-score of every token but the first under one model."""
    return {
        name: _item_set(prepared.rows[name], answer_tokens(model, some, limits.token_budget))
        for name, some in prepared.examples.items()
    }


def _item_set(rows: Sequence[dict], tokens: Sequence) -> ItemSet:
    return ItemSet(
        question=[row["question"] for row in rows],
        answer=[row["answer"] for row in rows],
        text_loss=np.array([item.nll.mean() for item in tokens]),
        token_logprob=nested([(-item.nll).tolist() for item in tokens]),
        token_zscore=nested([item.zscore.tolist() for item in tokens]),
    )
