"""Questions of BIG-Bench Hard after worked examples (arXiv 2210.09261), as RWKU asks them.

The examples come with each row; an answer has at most 256 greedy tokens, and begins with "A:".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lethe.evaluate.begun_answers import Asked, token_lists, written
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder

SETS = {"reasoning": "reasoning"}
COLUMNS = ("generation",)
PROBE = True
TOKENS = 256
ASK = "Following previous examples, answer the following questions and end with 'so the answer is'"


@dataclass(frozen=True)
class Prepared:
    """The rows, and what is asked with its tokens."""

    rows: list[dict]
    asked: list[Asked]
    ids: list[list[int]]
    encoder: Encoder


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without examples."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, "examples", place)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Put the examples before every question and tokenise them."""
    chosen = list(rows["reasoning"])
    asked = [Asked(f"{row['examples']}\n\n{ASK}\nQ: {row['question']}", "A:") for row in chosen]
    return Prepared(chosen, asked, token_lists(encoder, asked), encoder)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model; LetheError if the examples do not fit into its positions."""
    limits = replace(limits, max_new_tokens=TOKENS)
    texts = written(model, prepared.encoder, prepared.asked, prepared.ids, limits)
    return {
        "reasoning": ItemSet(
            question=[row["question"] for row in prepared.rows],
            answer=[row["answer"] for row in prepared.rows],
            generation=[text.strip() for text in texts],
        )
    }
