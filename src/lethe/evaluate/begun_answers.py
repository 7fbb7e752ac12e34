"""Greedy answers after prompts of a benchmark's own wording, some of them begun for the model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model import token_mixing
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy


@dataclass(frozen=True)
class Asked:
    """What a model is asked, and the text with which its answer begins; empty: it begins itself."""

    prompt: str
    begun: str = ""


def token_lists(encoder: Encoder, asked: Sequence[Asked]) -> list[list[int]]:
    """The tokens after which the model writes, for each."""
    return [
        encoder.begun_ids(one.prompt, one.begun) if one.begun else encoder.prompt_ids(one.prompt)
        for one in asked
    ]


@dataclass(frozen=True)
class Prepared:
    """The rows of a suite with one set, and what is asked with its tokens."""

    rows: list[dict]
    asked: list[Asked]
    ids: list[list[int]]
    encoder: Encoder

    def answers(self, model, limits: Limits, tokens: int) -> list[str]:
        """The greedy answers of one model, of at most ``tokens`` tokens (``written``)."""
        limits = replace(limits, max_new_tokens=tokens)
        return written(model, self.encoder, self.asked, self.ids, limits)

    def item_set(self, generation: list[str], **columns: Any) -> ItemSet:
        """Questions and right answers of the rows, with what was generated and further columns."""
        return ItemSet(
            question=[row["question"] for row in self.rows],
            answer=[row["answer"] for row in self.rows],
            generation=generation,
            **columns,
        )


def prepared(encoder: Encoder, rows: Sequence[dict], asked: Sequence[Asked]) -> Prepared:
    """Tokenise what is asked of each row."""
    return Prepared(list(rows), list(asked), token_lists(encoder, asked), encoder)


def written(
    model, encoder: Encoder, asked: Sequence[Asked], ids: Sequence[list[int]], limits: Limits
) -> list[str]:
    """The greedy continuations, of at most ``limits.max_new_tokens`` tokens.

    The prompts do not count towards ``limits.max_length``; LetheError if the model has fewer
    positions than a prompt and its answer need.
    """
    most = limits.max_new_tokens
    lengths = [len(prompt) + most for prompt in ids]
    remedy = "leave out the metric that asks it"
    token_mixing.check_lengths(model, lengths, "a prompt with its answer", remedy)
    answers = greedy(model, list(ids), lengths, encoder.end, max_new_tokens=most)
    return encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
