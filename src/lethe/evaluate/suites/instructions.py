"""Long answers to instructions, by which fluency is measured (RWKU, arXiv 2406.10890).

A greedy answer of at most 256 tokens to each instruction; no answer is the right one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lethe.evaluate.begun_answers import Asked, token_lists, written
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder

SETS = {"instructions": "instructions"}
COLUMNS = ("generation",)
PROBE = True
TOKENS = 256


@dataclass(frozen=True)
class Prepared:
    """The rows, and what is asked with its tokens."""

    rows: list[dict]
    asked: list[Asked]
    ids: list[list[int]]
    encoder: Encoder


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every instruction."""
    chosen = list(rows["instructions"])
    asked = [Asked(row["question"]) for row in chosen]
    return Prepared(chosen, asked, token_lists(encoder, asked), encoder)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model."""
    texts = written(
        model,
        prepared.encoder,
        prepared.asked,
        prepared.ids,
        replace(limits, max_new_tokens=TOKENS),
    )
    return {
        "instructions": ItemSet(
            question=[row["question"] for row in prepared.rows],
            answer=[row["answer"] for row in prepared.rows],
            generation=[text.strip() for text in texts],
        )
    }
