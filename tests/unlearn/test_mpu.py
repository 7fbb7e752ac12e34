"""MPU: noise that cancels, transforms that change nothing, and updates that come back."""

import copy
import dataclasses

import pytest
import torch
from helpers.small_models import make_family

from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.forward import Forward, decoder_layers
from lethe.unlearn import methods
from lethe.unlearn.reparametrization import Reparametrisation
from lethe.unlearn.supervision import supervise
from lethe.unlearn.weight_arithmetic import combine, weights
from lethe.unlearn.wrappers.mpu import amplitude, deviations, perturbations

SHARED = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0.5}


def run(name, model, encoder, pairs, wrapped=None, **settings):
    """Weights after each epoch, and what was reported."""
    method = methods.load(name)({**SHARED, "wrappers": wrapped or {}, **settings})
    data = supervise(
        encoder,
        method.needs,
        pairs[:4],
        retain=pairs[3:],
        prior=lambda: make_family("llama", encoder.tokenizer, seed=5),
    )
    reports = []
    found = [
        (end, weights(model)) for end in method.run(model, data, 0, lambda *r: reports.append(r))
    ]
    return found, reports


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_the_noise_cancels(copies, model):
    server = weights(model)
    spread = dict.fromkeys(server, 0.3)
    found = [perturbations(server, spread, k, copies, 0) for k in range(copies)]
    assert [amplitude(k, copies) for k in (0, copies - 1)] == [1, 2]
    for name in server:
        total = sum(noise[name] / amplitude(k, copies) for k, noise in enumerate(found))
        # Float32 roundings of numbers of about 0.3.
        assert total.abs().max() < 1e-6, name
    # As large as declared: the factor sqrt(m / (m - 1)) makes up for the mean that was taken off.
    first = torch.cat([noise.flatten() for noise in found[0].values()])
    assert first.std().item() == pytest.approx(0.3, rel=0.05)
    last = torch.cat([noise.flatten() for noise in found[-1].values()])
    assert last.std().item() == pytest.approx(0.6, rel=0.05)


def test_the_controls_noise_does_not_cancel(model):
    """Each copy has a draw of its own, as large as the first copy's otherwise."""
    server = weights(model)
    spread = dict.fromkeys(server, 0.3)
    found = [perturbations(server, spread, k, 3, 0, cancel=False) for k in range(3)]
    flat = [torch.cat([noise.flatten() for noise in one.values()]) for one in found]
    assert [one.std().item() for one in flat] == pytest.approx([0.3] * 3, rel=0.05)
    assert (sum(flat) / 3).std().item() == pytest.approx(0.3 / 3**0.5, rel=0.05)


def test_the_controls_updates_are_averaged(model, encoder, pairs):
    """Without noise and transforms all copies are the model, and so is their mean."""
    plain = {"noise": 0.0, "transforms": False, "copies": 3}
    (found, _), (wanted, _) = (
        run("npo", copy.deepcopy(model), encoder, pairs, {"mpu": plain | {"aggregation": kind}})
        for kind in ("mean", "harmonic")
    )
    for (end, mine), (other, theirs) in zip(found, wanted, strict=True):
        assert end == other
        assert all(torch.allclose(w, theirs[n], atol=1e-6) for n, w in mine.items())


def test_deviations_are_of_each_layers_own_update(model):
    server = weights(model)
    before = dict(server)
    with torch.no_grad():
        for name in before:
            by = 0.5 if "layers.0." in name else 0.25 if "embed" in name else 0.0
            before[name] = server[name] - by
    found = deviations(model, server, before, 0.1)
    for name, deviation in found.items():
        wanted = 0.05 if "layers.0." in name else 0.025 if "embed" in name else 0.0
        assert deviation == pytest.approx(wanted, rel=1e-4), name


@pytest.mark.parametrize("family", ["llama", "llama_gqa", "qwen2", "phi"])
def test_transforms_leave_the_function_and_come_back(family, tokenizer, examples):
    model = make_family(family, tokenizer)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("bias"):
                p.normal_(std=0.2)
    start = weights(model)
    transform = Reparametrisation(model, 3)
    moved = transform(start)
    other = copy.deepcopy(model)
    combine(other, moved, [])
    with torch.no_grad():
        before, after = (Forward(m).all_logits(pack(examples)) for m in (model, other))
    assert (before - after).abs().max() < 1e-4
    # Every projection of every layer was moved, and nothing else.
    changed = {name for name in start if not torch.allclose(moved[name], start[name], atol=1e-3)}
    parts = ("proj", "dense.weight", "fc")
    assert changed == {n for n in start if any(p in n for p in parts)} - {
        n for n in start if n.endswith("fc2.bias")
    }
    back = transform(moved, inverse=True)
    assert all(torch.allclose(back[n], w, atol=1e-6) for n, w in start.items())
    assert not torch.allclose(
        Reparametrisation(model, 4)(start)[min(changed)], moved[min(changed)], atol=1e-3
    )


def test_a_family_without_known_transforms_is_told_so(tokenizer):
    with pytest.raises(LetheError, match=r"GPTNeoX.*transforms: false"):
        Reparametrisation(make_family("gpt_neox", tokenizer), 0)


def same(found, expected, atol) -> bool:
    return all(torch.allclose(found[n], w, rtol=0, atol=atol) for n, w in expected.items())


def test_without_noise_and_transforms_it_is_the_run_itself(tokenizer, encoder, pairs):
    """One round of all epochs: each copy is the model, and so is their joined update."""
    wrapped = {"mpu": {"noise": 0, "transforms": False, "round_epochs": 2, "copies": 3}}
    one, plain = (make_family("llama", tokenizer) for _ in range(2))
    found, _ = run("npo_retain", one, encoder, pairs, wrapped)
    expected, _ = run("npo_retain", plain, encoder, pairs)
    assert [end for end, _ in found] == [end for end, _ in expected] == [(1, 2), (2, 4)]
    for (_, ours), (_, theirs) in zip(found, expected, strict=True):
        assert same(ours, theirs, 1e-6)


def test_gradient_descent_goes_through_the_transforms(tokenizer, encoder, pairs):
    """SGD commutes with rotations and permutations, so without noise they show nowhere."""
    settings = {"optimiser": {"name": "sgd"}, "lr": 1e-2, "weight_decay": 0.0}
    wrapped = {"mpu": {"noise": 0, "round_epochs": 2}}
    one, plain = (make_family("llama", tokenizer) for _ in range(2))
    start = weights(plain)
    (*_, (_, found)), _ = run("grad_diff", one, encoder, pairs, wrapped, **settings)
    (*_, (_, expected)), _ = run("grad_diff", plain, encoder, pairs, **settings)
    assert not same(expected, start, 1e-3)
    assert same(found, expected, 1e-5)


def test_noise_cancels_to_first_order(tokenizer, encoder, pairs):
    """Halving the noise quarters what is left of it; without harmonic weights it would halve."""
    settings = {"optimiser": {"name": "sgd"}, "lr": 1e-2, "weight_decay": 0.0, "epochs": 1}
    settings["max_grad_norm"] = None
    exact, *found = (
        run(
            "grad_diff",
            make_family("llama", tokenizer).double(),
            encoder,
            pairs,
            {"mpu": {"noise": noise, "transforms": False, "copies": 3}},
            **settings,
        )[0][-1][1]
        for noise in (0, 2e-3, 1e-3)
    )
    left = [sum((w[n] - exact[n]).square().sum() for n in w).sqrt().item() for w in found]
    assert left[0] / left[1] == pytest.approx(4, rel=0.1)


def test_rounds_count_steps_and_begin_from_the_joined_model(model, encoder, pairs):
    found, reports = run("npo", model, encoder, pairs, {"mpu": {"copies": 2}})
    assert [end for end, _ in found] == [(1, 2), (2, 4)]
    # Two rounds of two copies, two steps each.
    assert [(step, steps) for step, steps, _ in reports] == [(i, 8) for i in range(1, 9)]


def test_a_copys_reference_is_the_copy_itself(model, encoder, pairs):
    """Whoever trains a copy knows no other model: losses of the model itself are not used."""
    method = methods.load("npo")({**SHARED, "wrappers": {"mpu": {"noise": 0.5}}})
    data = supervise(
        encoder,
        method.needs,
        pairs[:4],
        prior=lambda: make_family("llama", encoder.tokenizer, seed=5),
    )
    wrong = dataclasses.replace(data, forget_nll=torch.full((4,), 1e6))
    ends = []
    for given in (data, wrong):
        model = make_family("llama", encoder.tokenizer)
        list(method.run(model, given, 0))
        ends.append(weights(model))
    assert same(ends[0], ends[1], 0)


def test_a_function_that_changes_is_noticed(model, encoder, pairs, monkeypatch):
    """As it would in a family whose positions are not rotary, or are in other planes."""
    monkeypatch.setattr(
        Reparametrisation,
        "__call__",
        lambda self, values, inverse=False: {n: 1.5 * v for n, v in values.items()},
    )
    with pytest.raises(LetheError, match="the transforms change the outputs of"):
        run("npo", model, encoder, pairs, {"mpu": {}})
    assert len(decoder_layers(model)) == 2
