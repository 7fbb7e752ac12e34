"""Whole texts token by token, for MUSE's membership attack (arXiv 2407.06460).

Plain text without a template and without an end token; every token but the first has a value, since
nothing comes before the first that could predict it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder, Example, token_ids
from lethe.model.forward import Forward
from lethe.model.likelihood import packed_batches

SETS = {"forget": "privleak_forget", "holdout": "privleak_holdout"}
COLUMNS = ("token_logprob",)
PROBE = True

TEXT = "text"


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without a text."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, TEXT, place)


@dataclass(frozen=True)
class Prepared:
    """Rows by set, and their whole texts, tokenised."""

    rows: dict[str, list[dict]]
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every text; LetheError names one that is a single token or too long to be whole."""
    own = {name: list(some) for name, some in rows.items()}
    return Prepared(own, {name: _examples(encoder, some) for name, some in own.items()})


def _examples(encoder: Encoder, rows: Sequence[dict]) -> list[Example]:
    encoded = token_ids(encoder.tokenizer, [row[TEXT] for row in rows], special=True)
    longest = max(map(len, encoded), default=0)
    for row, ids in zip(rows, encoded, strict=True):
        if len(ids) < 2:
            raise LetheError(f"{row['question']}: its text is a single token; remove it")
        if len(ids) > encoder.max_length:
            raise LetheError(
                f"evaluation.max_length: {encoder.max_length} are too few for the {len(ids)} "
                f"tokens of {row['question']}, all of which count; raise it to {longest}"
            )
    return [Example(tuple(ids), 1) for ids in encoded]


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The log-probabilities (nats) of all tokens of every text but its first."""
    return {
        name: ItemSet(
            question=[row["question"] for row in prepared.rows[name]],
            answer=[row["answer"] for row in prepared.rows[name]],
            token_logprob=nested(_logprobs(model, examples, limits.token_budget)),
        )
        for name, examples in prepared.examples.items()
    }


@torch.inference_mode()
def _logprobs(model, examples: Sequence[Example], budget: int | None) -> list[list[float]]:
    forward, logprobs = Forward(model), [[] for _ in examples]
    for packed in packed_batches(model, examples, budget):
        nobody = torch.zeros(len(packed.labels), dtype=torch.bool)
        nll = forward.token_scores(packed, nobody)[0].double().cpu()
        counts = torch.bincount(packed.row, minlength=packed.rows).tolist()
        for key, values in zip(packed.index, nll.split(counts), strict=True):
            logprobs[key] = (-values).tolist()
    return logprobs
