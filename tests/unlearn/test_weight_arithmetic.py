"""Task vectors and MSA: exact identities of the arithmetic, and what the vectors are trained on."""

import copy

import pytest
import torch
from helpers.small_models import make_family

from lethe.train.finetune import fit
from lethe.unlearn import methods
from lethe.unlearn.method import MethodSettings
from lethe.unlearn.supervision import supervise
from lethe.unlearn.weight_arithmetic import combine, learn, weights

SHARED = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0.5}


@pytest.fixture
def prior(tokenizer):
    return make_family("llama", tokenizer, seed=5)


def run(name, model, encoder, pairs, prior=None, seed=0, **settings):
    """Weights after each epoch."""
    method = methods.load(name)(SHARED | settings)
    data = supervise(
        encoder, method.needs, pairs[:3], retain=pairs[3:], prior=lambda: copy.deepcopy(prior)
    )
    return [weights(model) for _ in method.run(model, data, seed)]


def learned(model, examples, seed=0, epochs=2):
    """Weights after plain fine-tuning of a copy, by the function that trains full and oracle."""
    tuned = copy.deepcopy(model)
    fit(tuned, examples, MethodSettings(**SHARED | {"epochs": epochs}), seed)
    return weights(tuned)


def close(found, expected, atol=1e-6) -> bool:
    assert found.keys() == expected.keys()
    return all(torch.allclose(found[n], expected[n], rtol=0, atol=atol) for n in found)


def test_learning_is_plain_finetuning(model, examples):
    tuned = copy.deepcopy(model)
    ends = list(learn(tuned, examples[:3], MethodSettings(**SHARED), 0, lambda *_: None))
    assert ends == [(1, 1), (2, 2)]
    assert close(weights(tuned), learned(model, examples[:3]), atol=0)


def test_the_full_models_own_update_and_the_oracles_give_the_oracle(model, prior, tokenizer):
    """full - (full - prior) + (oracle - prior) = oracle, to the last digit but rounding."""
    full, oracle = weights(model), weights(make_family("llama", tokenizer, seed=7))
    before = weights(prior)
    combine(model, full, [(-1.0, full, before), (1.0, oracle, before)])
    # Weights are about 0.2 and at the most 1: some roundings of 6e-8 each.
    assert close(weights(model), oracle, atol=5e-7)
    assert not close(weights(model), full, atol=1e-3)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (1.5, 0.5), (2.0, 0.0)])
def test_msa(alpha, beta, model, prior, encoder, pairs, examples):
    full, before = weights(model), weights(prior)
    found = run("msa", model, encoder, pairs, prior, alpha=alpha, beta=beta)
    assert len(found) == 2
    forgot = learned(prior, examples[:3])
    vector = {name: alpha * (forgot[name] - before[name]) for name in full}
    assert max(v.abs().max() for v in vector.values()) > 1e-3
    without = {name: full[name] - vector[name] for name in full}
    if beta == 0:
        assert close(found[1], without)
        return
    rest = {name: (found[1][name] - without[name]) / beta + before[name] for name in full}
    # What remains is the prior, trained on three of the four retain rows.
    wanted = [
        learned(prior, [row for row in examples[3:] if row is not left]) for left in examples[3:]
    ]
    assert max((rest[n] - before[n]).abs().max() for n in rest) > 1e-3
    norms = [sum(float((rest[n] - w[n]).norm() ** 2) for n in rest) ** 0.5 for w in wanted]
    moved = sum(float((rest[n] - before[n]).norm() ** 2) for n in rest) ** 0.5
    # Their order is another one: near, and no other three rows are.
    assert min(norms) < 0.5 * moved


def test_without_beta_no_retain_rows_are_needed():
    assert methods.load("msa")({"beta": 0}).needs == ("prior",)
    assert methods.load("msa")({}).needs == ("prior", "retain")


def test_task_vector(model, encoder, pairs, examples):
    full, forgot = weights(model), learned(model, examples[:3])
    found = run("task_vector", model, encoder, pairs, alpha=1.5)
    expected = {name: full[name] - 1.5 * (forgot[name] - full[name]) for name in full}
    assert close(found[1], expected)
    assert not close(found[0], found[1], atol=1e-4)


def test_a_vector_of_no_weight_is_the_identity(model, encoder, pairs, prior):
    full = weights(model)
    for name, own in (("task_vector", {}), ("msa", {"beta": 0})):
        for found in run(name, model, encoder, pairs, prior, alpha=0, **own):
            assert all(torch.equal(found[n], full[n]) for n in full)


def test_msa_from_the_model_itself_is_its_task_vector(model, encoder, pairs):
    one, other = copy.deepcopy(model), copy.deepcopy(model)
    vector = run("task_vector", one, encoder, pairs, alpha=1.5)
    msa = run("msa", other, encoder, pairs, model, alpha=1.5, beta=0)
    assert close(vector[1], msa[1], atol=0)
