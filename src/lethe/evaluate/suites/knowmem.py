"""Knowledge memorisation and utility as in MUSE (arXiv 2407.06460): answers after ten examples.

The prompt is plain text: the examples of the row, the question, and "Answer: ". What is written is
cut where a further example would begin. DUSK (arXiv 2505.15209) asks about what both sets say too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.evaluate.suites.verbmem import check_room, decoded
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy

SETS = {"forget": "knowmem_forget", "retain": "knowmem_retain", "shared": "knowmem_shared"}
# What the forget set and the retain set both say; MUSE has no such questions.
OPTIONAL = ("shared",)
COLUMNS = ("generation",)
SETTINGS = {"tokens": {"default": 32, "least": 1}}
PROBE = True

EXAMPLES = "examples"
# In this order: each cuts what the one before it left.
STOPS = ("\n\n", "\nQuestion", "Question:")


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError names the first row without examples."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, EXAMPLES, place)


@dataclass(frozen=True)
class Prepared:
    """Rows by set, and the tokens of all prompts in the order of the sets."""

    rows: dict[str, list[dict]]
    prompts: list[list[int]]
    encoder: Encoder
    tokens: int


def prompt(row: Mapping[str, str]) -> str:
    """The examples and the question of a row."""
    return f"{row[EXAMPLES]}Question: {row['question']}\nAnswer: "


def cut(text: str) -> str:
    """What was written before the first sign of a further example."""
    for stop in STOPS:
        text = text.split(stop)[0]
    return text


def prepare(
    encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]
) -> Prepared:
    """Tokenise every prompt; LetheError names one that leaves no room for an answer."""
    plain = Encoder(encoder.tokenizer, "plain", encoder.max_length)
    texts = [prompt(row) for some in rows.values() for row in some]
    prompts = [plain.prompt_ids(text) for text in texts]
    check_room(plain, texts, prompts, settings["tokens"])
    return Prepared({n: list(some) for n, some in rows.items()}, prompts, plain, settings["tokens"])


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The cut answers of one model to all questions."""
    encoder, tokens = prepared.encoder, prepared.tokens
    lengths = [len(ids) + tokens for ids in prepared.prompts]
    ids = greedy(model, prepared.prompts, lengths, encoder.end, max_new_tokens=tokens)
    texts = map(cut, decoded(encoder, ids))
    return {
        name: ItemSet(
            question=[row["question"] for row in rows],
            answer=[row["answer"] for row in rows],
            generation=[next(texts) for _ in rows],
        )
        for name, rows in prepared.rows.items()
    }
