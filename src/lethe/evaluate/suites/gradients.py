"""Gradients: how far each true answer would move the model, on forget and holdout.

A separate suite, since a backward pass for every single answer costs as much as all other suites
together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model.batch import pack
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Forward

SETS = {"forget": "forget_perturbed", "holdout": "holdout"}
COLUMNS = ("answer_tokens", "gradient_norm")


@dataclass(frozen=True)
class Prepared:
    """Rows and their tokenised answers, by set."""

    rows: dict[str, list[dict]]
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise the true answer of every row."""
    examples = {
        name: encoder.encode_all([(row["question"], row["answer"]) for row in some])
        for name, some in rows.items()
    }
    return Prepared({name: list(some) for name, some in rows.items()}, examples)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """``gradient_norm`` of every answer under one model; the model's ``.grad`` stays empty."""
    return {
        name: ItemSet(
            question=[row["question"] for row in rows],
            answer=[row["answer"] for row in rows],
            answer_tokens=np.array([e.answer_tokens for e in prepared.examples[name]]),
            gradient_norm=np.array(gradient_norms(model, prepared.examples[name])),
        )
        for name, rows in prepared.rows.items()
    }


def gradient_norms(model, examples: Sequence[Example]) -> list[float]:
    """Mean over parameter tensors of the L2 norm of the gradient of each answer's mean loss."""
    forward = Forward(model)
    parameters = list(model.parameters())
    norms = []
    for example in examples:
        with torch.enable_grad():
            loss = forward.answers(pack([example], [0])).mean_nll()
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        reached = [gradient for gradient in gradients if gradient is not None]
        norms.append(torch.stack(torch._foreach_norm(reached)).double().mean().item())
    return norms
