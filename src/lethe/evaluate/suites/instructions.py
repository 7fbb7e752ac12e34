"""Long answers to instructions, by which fluency is measured (RWKU, arXiv 2406.10890).

A greedy answer of at most 256 tokens to each instruction; no answer is the right one.
"""

from collections.abc import Mapping, Sequence

from lethe.evaluate.begun_answers import Asked, Prepared, prepared
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder

SETS = {"instructions": "instructions"}
COLUMNS = ("generation",)
PROBE = True
TOKENS = 256


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every instruction."""
    chosen = rows["instructions"]
    asked = [Asked(row["question"]) for row in chosen]
    return prepared(encoder, chosen, asked)


def record(model, asked: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model."""
    texts = asked.answers(model, limits, TOKENS)
    return {"instructions": asked.item_set([text.strip() for text in texts])}
