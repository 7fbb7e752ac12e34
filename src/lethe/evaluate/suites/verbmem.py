"""Verbatim memorisation as in MUSE (arXiv 2407.06460): how a text of the forget set goes on.

The prompt is plain text, without a template. The true continuation is cut to as many tokens as are
written; MUSE counts the tokens that its tokenizer puts before a text among them, and so does this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder, token_ids
from lethe.model.generate import greedy

SETS = {"forget": "verbmem"}
COLUMNS = ("generation",)
SETTINGS = {"tokens": {"default": 128, "least": 1}}
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """Rows by set, the tokens of all prompts in the order of the sets, and the true texts."""

    rows: dict[str, list[dict]]
    prompts: list[list[int]]
    truths: dict[str, list[str]]
    encoder: Encoder
    tokens: int


def prepare(
    encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]
) -> Prepared:
    """Tokenise every prompt; LetheError names one that leaves no room for what is written."""
    plain = Encoder(encoder.tokenizer, "plain", encoder.max_length)
    tokens = settings["tokens"]
    prompts = [plain.prompt_ids(row["question"]) for some in rows.values() for row in some]
    check_room(plain, [row["question"] for some in rows.values() for row in some], prompts, tokens)
    truths = {
        name: shortened(plain, [row["answer"] for row in some], tokens)
        for name, some in rows.items()
    }
    return Prepared({n: list(some) for n, some in rows.items()}, prompts, truths, plain, tokens)


def check_room(
    encoder: Encoder, texts: Sequence[str], prompts: Sequence[Sequence[int]], tokens: int
) -> None:
    """LetheError unless every prompt and ``tokens`` more fit in ``evaluation.max_length``."""
    for text, ids in zip(texts, prompts, strict=True):
        if len(ids) + tokens > encoder.room(text, encoder.max_length):
            raise LetheError(
                f"evaluation.max_length: {encoder.max_length} are too few for the {len(ids)} "
                f"tokens of {text[:40]!r} and {tokens} after them; raise it to "
                f"{max(map(len, prompts)) + tokens}"
            )


def shortened(encoder: Encoder, texts: list[str], tokens: int) -> list[str]:
    """The text of the first ``tokens`` tokens of each text."""
    cut = [ids[:tokens] for ids in token_ids(encoder.tokenizer, texts, special=True)]
    return decoded(encoder, cut)


def decoded(encoder: Encoder, ids: Sequence[Sequence[int]]) -> list[str]:
    """Texts of tokens, as they are.

    MUSE asked its library to remove spaces before marks, which ROUGE does not see, and before
    "n't"; today's transformers no longer does so for such tokenizers.
    """
    return encoder.tokenizer.batch_decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """How one model goes on after every prompt, as ``generation``."""
    encoder, tokens = prepared.encoder, prepared.tokens
    lengths = [len(ids) + tokens for ids in prepared.prompts]
    ids = greedy(model, prepared.prompts, lengths, encoder.end, max_new_tokens=tokens)
    texts = iter(decoded(encoder, ids))
    return {
        name: ItemSet(
            question=[row["question"] for row in rows],
            answer=prepared.truths[name],
            generation=[next(texts) for _ in rows],
        )
        for name, rows in prepared.rows.items()
    }
