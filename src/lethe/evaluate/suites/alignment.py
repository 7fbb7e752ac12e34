"""Alignment of gradients: whether a step on the forget set is also one on the retain set.

A separate suite, since it takes a backward pass over every answer of both sets. The numbers are the
same for all items of a set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder, Example, rows_to_pairs
from lethe.model.forward import Forward
from lethe.model.likelihood import BUDGET
from lethe.train.microbatch import parts

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
COLUMNS = ("gradient_cosine", "gradient_length")
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """Question and answer, and both tokenised, by set."""

    pairs: dict[str, list[tuple[str, str]]]
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise the true answer of every row."""
    pairs = {name: rows_to_pairs(some) for name, some in rows.items()}
    return Prepared(pairs, {name: encoder.encode_all(some) for name, some in pairs.items()})


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """``gradient_cosine`` of both sets' gradients over all parameters, 0 where one is 0, and
    ``gradient_length`` of each; the model's ``.grad`` stays empty."""
    budget = limits.token_budget or BUDGET[model.device.type]
    gradients = {name: gradient(model, some, budget) for name, some in prepared.examples.items()}
    lengths = {name: product(some, some) ** 0.5 for name, some in gradients.items()}
    both = lengths["forget"] * lengths["retain"]
    cosine = product(gradients["forget"], gradients["retain"]) / both if both else 0.0
    return {
        name: ItemSet(
            question=[question for question, _ in pairs],
            answer=[answer for _, answer in pairs],
            gradient_cosine=np.full(len(pairs), cosine),
            gradient_length=np.full(len(pairs), lengths[name]),
        )
        for name, pairs in prepared.pairs.items()
    }


def gradient(model, examples: Sequence[Example], budget: int) -> list[torch.Tensor | None]:
    """The gradient of the mean loss of all answers' tokens, by parameter; None where it is 0."""
    forward, parameters = Forward(model), list(model.parameters())
    sums: list[torch.Tensor | None] = [None] * len(parameters)
    for part in parts({"answers": examples}, {"answers": range(len(examples))}, budget):
        with torch.enable_grad():
            loss = forward.answers(part["answers"]).mean_nll()
        own = torch.autograd.grad(loss, parameters, allow_unused=True)
        sums = [
            a if b is None else b if a is None else a + b for a, b in zip(sums, own, strict=True)
        ]
    return sums


def product(left, right) -> float:
    """Inner product over all parameters."""
    pairs = zip(left, right, strict=True)
    return float(sum((a * b).double().sum() for a, b in pairs if a is not None and b is not None))
