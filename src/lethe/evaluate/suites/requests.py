"""How likely the true answers are to the questions of all requests so far, request by request.

For sequences of requests (ICU-Bench, arXiv 2605.05938). The questions of a request are batched by
themselves: their values are the same to the last bit, however many requests follow. In a world with
pictures each item's modality is recorded as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import Likelihood

SETS = {"asked": "asked_perturbed"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("answer_loss", "answer_tokens", "request")
PROBE = True
# With only the first items, later requests would be missed.
WHOLE = True


@dataclass(frozen=True)
class Prepared:
    """The rows, their tokens, and the likelihoods of each request with the places of its rows."""

    rows: Sequence[dict]
    examples: list[Example]
    requests: list[tuple[list[int], Likelihood]]


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row that does not say which request it belongs to."""
    for row, place in zip(rows["asked"], places("asked", rows["asked"]), strict=True):
        if type(row.get("request")) is not int or row["request"] < 1:
            raise LetheError(f"{place}: no request number (1 or more); use the file of a sequence")


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every answer of every row."""
    asked = rows.get("asked", [])
    examples = encoder.encode_all([(row["question"], row["answer"]) for row in asked])
    by_request: dict[int, list[int]] = {}
    for place, row in enumerate(asked):
        by_request.setdefault(row["request"], []).append(place)
    requests = [
        (some, Likelihood([examples[place] for place in some])) for some in by_request.values()
    ]
    return Prepared(asked, examples, requests)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The loss of every true answer."""
    if not prepared.rows:
        return {}
    losses = np.empty(len(prepared.rows))
    pictured = all("modality" in row for row in prepared.rows)
    for some, likelihood in prepared.requests:
        losses[some] = likelihood(model, limits.token_budget).loss
    return {
        "asked": ItemSet(
            question=[row["question"] for row in prepared.rows],
            answer=[row["answer"] for row in prepared.rows],
            answer_loss=losses,
            answer_tokens=np.array([example.answer_tokens for example in prepared.examples]),
            request=np.array([row["request"] for row in prepared.rows]),
            modality=[row["modality"] for row in prepared.rows] if pictured else None,
        )
    }
