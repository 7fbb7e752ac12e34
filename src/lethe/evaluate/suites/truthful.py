"""TruthfulQA's options as answers (arXiv 2109.07958), true and false ones.

The question is put in the model's template [RECON: without the six examples that TruthfulQA, and
RWKU with it, put before it]; the likelihood of an option is that of its tokens, no end token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import mean_losses

SETS = {"truthful": "truthful"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("option", "option_loss", "option_tokens", "form")
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """The rows, the options of each, and an example for every option."""

    rows: list[dict]
    options: list[list[str]]
    examples: list[Example]


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without options and their kinds."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            kinds = text_of(row, "kinds", place)
            for number in range(1, len(kinds) + 1):
                text_of(row, f"option{number}", place)
            if kinds.count("b") != 1 or "f" not in kinds or set(kinds) - set("btfg"):
                raise LetheError(f"{place}: kinds {kinds!r}; use rows of the world rwku")


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every option after its question."""
    chosen = list(rows["truthful"])
    options = [[row[f"option{k}"] for k in range(1, len(row["kinds"]) + 1)] for row in chosen]
    pairs = [
        (row["question"], text) for row, some in zip(chosen, options, strict=True) for text in some
    ]
    examples = [example.without_end(encoder.end) for example in encoder.encode_all(pairs)]
    return Prepared(chosen, options, examples)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The losses of all options under one model."""
    losses = mean_losses(model, prepared.examples, limits.token_budget)
    tokens = [example.answer_tokens for example in prepared.examples]
    ends = np.cumsum([len(some) for some in prepared.options])[:-1]
    return {
        "truthful": ItemSet(
            question=[row["question"] for row in prepared.rows],
            answer=[row["answer"] for row in prepared.rows],
            option=prepared.options,
            option_loss=nested([part.tolist() for part in np.split(np.array(losses), ends)]),
            option_tokens=nested([part.tolist() for part in np.split(np.array(tokens), ends)]),
            form=[row["kinds"] for row in prepared.rows],
        )
    }
