"""Alignment of gradients: against backward passes of plain transformers logits."""

import pytest
import torch
from helpers.small_models import plain, token_mean

from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Checkpoint, Records
from lethe.evaluate.suite import Limits
from lethe.metrics import gradient_alignment
from lethe.metrics.base import Inputs


def rows(pairs):
    return [{"question": q, "answer": a} for q, a in pairs]


def flat(model, examples) -> torch.Tensor:
    other = plain(model)
    token_mean(other, examples).backward()
    return torch.cat([p.grad.double().flatten() for p in other.parameters()])


@pytest.mark.parametrize("budget", [None, 40])
def test_cosine_and_lengths_are_those_of_backward(budget, model, encoder, pairs):
    sets = {"forget": rows(pairs[:3]), "retain": rows(pairs[3:])}
    found = Evaluation("alignment", encoder, sets, Limits(token_budget=budget))(model)
    assert all(parameter.grad is None for parameter in model.parameters())
    one, two = (flat(model, encoder.encode_all(some)) for some in (pairs[:3], pairs[3:]))
    cosine = float(one @ two / (one.norm() * two.norm()))
    point = Checkpoint(epoch=1, step=2, sets=found.sets)
    inputs = Inputs(Records("alignment", [point], {}))
    (values,) = gradient_alignment.compute(inputs)
    assert values.values == {
        "cosine": pytest.approx(cosine, rel=1e-4),
        "forget": pytest.approx(float(one.norm()), rel=1e-4),
        "retain": pytest.approx(float(two.norm()), rel=1e-4),
    }
    assert abs(cosine) < 0.99


def test_equal_sets_are_aligned(model, encoder, pairs):
    sets = {"forget": rows(pairs), "retain": rows(pairs)}
    found = Evaluation("alignment", encoder, sets, Limits())(model)
    assert found.sets["forget"].gradient_cosine == pytest.approx([1.0] * len(pairs), rel=1e-6)
