"""Token by token: how likely each token of the true answers is, on forget and holdout.

One pass over each answer serves extraction strength, exact memorisation and the membership attacks
that need no gradient: the holdout authors are as fictitious as the forgotten ones, but no model has
seen them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Answers, Forward
from lethe.model.likelihood import packed_batches

SETS = {"forget": "forget_perturbed", "holdout": "holdout"}
COLUMNS = ("answer_loss", "answer_tokens", "token_logprob", "token_match", "token_zscore")
# Lower bound of the variance of log-probabilities, 0 where a token is certain (as OpenUnlearning).
SMALLEST_VARIANCE = 1e-6
# Logits held in double precision at a time (128 MiB).
LARGEST_PART = 2**24


@dataclass(frozen=True)
class Prepared:
    """Rows and their tokenised answers, by set."""

    rows: dict[str, list[dict]]
    examples: dict[str, list[Example]]
    end: int


@dataclass(frozen=True)
class Tokens:
    """Values of the tokens of one answer, its end token included: arrays [tokens]."""

    nll: np.ndarray
    match: np.ndarray
    zscore: np.ndarray


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise the true answer of every row."""
    examples = {
        name: encoder.encode_all([(row["question"], row["answer"]) for row in some])
        for name, some in rows.items()
    }
    return Prepared({name: list(some) for name, some in rows.items()}, examples, encoder.end)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The columns of both sets under one model."""
    return {
        name: _item_set(
            prepared.rows[name],
            examples,
            answer_tokens(model, examples, limits.token_budget),
            prepared.end,
        )
        for name, examples in prepared.examples.items()
    }


@torch.inference_mode()
def answer_tokens(model, examples: Sequence[Example], budget: int | None = None) -> list[Tokens]:
    """The values of each answer's tokens under ``model``, in the order of ``examples``."""
    forward = Forward(model)
    by_answer: list[Tokens | None] = [None] * len(examples)
    for packed in packed_batches(model, examples, budget):
        columns = _columns(forward.answers(packed))
        counts = np.bincount(packed.row.numpy(), minlength=packed.rows)
        parts = [np.split(column, counts.cumsum()[:-1]) for column in columns]
        for key, *values in zip(packed.index, *parts, strict=True):
            by_answer[key] = Tokens(*values)
    return by_answer


def _columns(answers: Answers) -> list[np.ndarray]:
    """Loss, match and z-score of every answer token of a batch, [N] each."""
    rows = max(1, LARGEST_PART // answers.logits.shape[-1])
    pairs = zip(answers.logits.split(rows), answers.batch.labels.split(rows), strict=True)
    parts = [_of_logits(logits, labels) for logits, labels in pairs]
    return [torch.cat(columns).cpu().numpy() for columns in zip(*parts, strict=True)]


def _of_logits(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
    # In double precision: the variance is a difference of squares.
    logs = logits.double().log_softmax(-1)
    own = logs.gather(-1, labels[:, None]).squeeze(-1)
    probabilities = logs.exp()
    mean = (probabilities * logs).sum(-1)
    variance = (probabilities * logs.square()).sum(-1) - mean.square()
    zscore = (own - mean) / variance.clamp(min=SMALLEST_VARIANCE).sqrt()
    return -own, (logits.argmax(-1) == labels).long(), zscore


def _item_set(rows: list[dict], examples: list[Example], tokens: list[Tokens], end: int) -> ItemSet:
    # The end token counts in the loss, as everywhere, but is not part of the answer's text.
    words = [slice(0, example.answer_tokens - (example.ids[-1] == end)) for example in examples]

    def of_words(column: str) -> list[list]:
        pairs = zip(tokens, words, strict=True)
        return [getattr(item, column)[cut].tolist() for item, cut in pairs]

    return ItemSet(
        question=[row["question"] for row in rows],
        answer=[row["answer"] for row in rows],
        answer_loss=np.array([item.nll.mean() for item in tokens]),
        answer_tokens=np.array([example.answer_tokens for example in examples]),
        token_logprob=nested([[-x for x in row] for row in of_words("nll")]),
        token_match=nested(of_words("match")),
        token_zscore=nested(of_words("zscore")),
    )
