"""Depth: how much of a forgotten fact each layer of a model still carries (UDS).

The model's states after a layer, at the positions that predict the fact's tokens, replace those of
the model before unlearning ("full"). The drop in the log-probability of these tokens under full is
what the model has lost up to that layer. In batches: one pass of the model, one of full without a
patch, and one of full for each layer (Unlearning Depth Score, arXiv 2605.24614).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.evaluate.entities import fact_spans, token_flags
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, Reference, places
from lethe.model.batch import pack, to_device
from lethe.model.encoder import Encoder, Example, rows_to_pairs
from lethe.model.likelihood import BUDGET, by_budget
from lethe.model.patching import check_alike, layer_outputs, nll_at, patched

SETS = {"forget": "forget_perturbed"}
COLUMNS = ("entity", "layer_delta")
PROBE = True
REFERENCE = "full"
SETTINGS = {"span": ("entity", "answer")}


@dataclass(frozen=True)
class Prepared:
    """Question and answer, its tokens, and which of the answer's tokens count, by set."""

    pairs: dict[str, list[tuple[str, str]]]
    examples: dict[str, list[Example]]
    flags: dict[str, list[list[bool]]]
    encoder: Encoder


@dataclass(frozen=True)
class Compared:
    """An item's text as the model and full see it, and which tokens of the answer count."""

    own: Example
    full: Example
    flags: list[bool]


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row whose answer does not contain its entity."""
    for name, some in rows.items() if settings["span"] == "entity" else ():
        for row, place in zip(some, places(name, some), strict=True):
            fact_spans(row, place)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Tokenise every answer and find the tokens of its fact; ``span`` may be the whole answer."""
    pairs = {name: rows_to_pairs(some) for name, some in rows.items()}
    examples = {name: encoder.encode_all(some) for name, some in pairs.items()}
    flags = {
        name: [
            _flags(encoder, row, example, place, settings["span"])
            for row, example, place in zip(some, examples[name], places(name, some), strict=True)
        ]
        for name, some in rows.items()
    }
    return Prepared(pairs, examples, flags, encoder)


def _flags(encoder: Encoder, row: dict, example: Example, place: str, span: str) -> list[bool]:
    ids = list(example.ids[example.start :])
    ends = [False] if ids[-1] == encoder.end else []
    words = ids[: len(ids) - len(ends)]
    if span == "answer":
        return [True] * len(words) + ends
    return token_flags(encoder.tokenizer, words, row["answer"], fact_spans(row, place)) + ends


@torch.inference_mode()
def record(model, prepared: Prepared, limits: Limits, full: Reference) -> dict[str, ItemSet]:
    """``layer_delta`` of every item under one model; none for items without a token that counts.

    LetheError if the model's architecture is not that of ``full``, or it splits answers
    differently.
    """
    check_alike(model, full.model)
    return {
        name: ItemSet(
            question=[question for question, _ in pairs],
            answer=[answer for _, answer in pairs],
            entity=_entities(prepared, name),
            layer_delta=nested(
                layer_deltas(model, full.model, _compared(prepared, name, full), limits), float
            ),
        )
        for name, pairs in prepared.pairs.items()
    }


def _entities(prepared: Prepared, name: str) -> list[str]:
    """The tokens that count, as text."""
    texts = []
    for example, flags in zip(prepared.examples[name], prepared.flags[name], strict=True):
        answer = zip(example.ids[example.start :], flags, strict=True)
        chosen = [token for token, flag in answer if flag]
        texts.append(prepared.encoder.tokenizer.decode(chosen).strip())
    return texts


def _compared(prepared: Prepared, name: str, full: Reference) -> list[Compared]:
    """A model's interventions may change its questions, so full is asked by its own encoder."""
    compared = []
    theirs = full.encoder.encode_all(prepared.pairs[name])
    rows = zip(prepared.examples[name], theirs, prepared.flags[name], strict=True)
    for number, (own, other, flags) in enumerate(rows, start=1):
        if own.ids[own.start :] != other.ids[other.start :]:
            raise LetheError(
                f"set '{name}', row {number}: the model and the model before unlearning do not "
                "split its answer into the same tokens; name checkpoints with one tokenizer"
            )
        compared.append(Compared(own, other, flags))
    return compared


def layer_deltas(model, full, items: Sequence[Compared], limits: Limits) -> list[list[float]]:
    """For each item and layer: full's mean log-probability of the tokens that count, minus the
    same with the model's states in that layer (nats). An item without such tokens has none."""
    deltas: list[list[float]] = [[] for _ in items]
    asked = [number for number, item in enumerate(items) if any(item.flags)]
    budget = limits.token_budget or BUDGET[model.device.type]
    for some in by_budget(asked, budget, lambda n: max(len(items[n].own), len(items[n].full))):
        for number, values in zip(
            some, _deltas(model, full, [items[n] for n in some]), strict=True
        ):
            deltas[number] = values
    return deltas


def _deltas(model, full, items: list[Compared]) -> list[list[float]]:
    own, other = (
        to_device(pack([getattr(item, side) for item in items]), model.device)
        for side in ("own", "full")
    )
    chosen = torch.tensor([flag for item in items for flag in item.flags], device=model.device)
    states = layer_outputs(model, own, own.predictors[chosen])
    places, row = other.predictors[chosen], other.row[chosen]
    before = nll_at(full, other, chosen)
    means: list[Any] = []
    for layer, values in enumerate(states):
        with patched(full, layer, places, values):
            lost = (nll_at(full, other, chosen) - before).double()
        sums = lost.new_zeros(len(items)).index_add(0, row, lost)
        means.append(sums / torch.bincount(row, minlength=len(items)))
    return torch.stack(means, dim=1).tolist()
