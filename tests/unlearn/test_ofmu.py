"""OFMU: its objectives and their gradients against plain functions and explicit Hessians."""

import dataclasses

import pytest
import torch
from helpers.small_models import make_family

from lethe.model.batch import pack
from lethe.model.forward import Forward, decoder_layers
from lethe.unlearn import methods
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.methods.ofmu import Differences, Exact, cosine, hessian_product
from lethe.unlearn.supervision import supervise
from lethe.unlearn.weight_arithmetic import weights

BETA, RHO = 0.7, 0.3


def problem(double=True):
    """Two losses of four numbers, in two parameters, that are no quadratics."""
    torch.manual_seed(0)
    dtype = torch.float64 if double else torch.float32
    a, b = torch.randn(4, 4, dtype=dtype), torch.randn(4, 4, dtype=dtype)
    parameters = [torch.nn.Parameter(torch.randn(2, dtype=dtype)) for _ in range(2)]

    def forget(x=None):
        x = torch.cat(parameters) if x is None else x
        return (a @ x).tanh().square().sum() + x[0] * x[3]

    def retain(x=None):
        x = torch.cat(parameters) if x is None else x
        return (b @ x).exp().sum().log() + x.square().sum() / 2

    return parameters, forget, retain


def derivatives(loss, x):
    """Gradient and Hessian of a function of one vector."""
    gradient = torch.autograd.functional.jacobian(loss, x)
    return gradient, torch.autograd.functional.hessian(loss, x)


def slope_of_phi(forget, retain, x):
    """Gradient of Phi by the formula of the paper, with explicit Hessians."""
    (f, hf), (r, hr) = (derivatives(loss, x) for loss in (forget, retain))
    cos = f @ r / (f.norm() * r.norm())
    along_f = r / (f.norm() * r.norm()) - cos * f / f.norm() ** 2
    along_r = f / (f.norm() * r.norm()) - cos * r / r.norm() ** 2
    return f - BETA * (hf @ along_f + hr @ along_r), r, hf, cos


def backward(value, parameters) -> torch.Tensor:
    for p in parameters:
        p.grad = None
    value.backward()
    return torch.cat([torch.zeros_like(p) if p.grad is None else p.grad for p in parameters])


def test_the_ascent_goes_up_phi():
    parameters, forget, retain = problem()
    x = torch.cat([p.detach() for p in parameters])
    slope, _, _, cos = slope_of_phi(forget, retain, x)
    value = Exact(forget, retain, parameters, BETA).ascent()
    assert value.item() == pytest.approx(-(forget(x) - BETA * cos).item(), rel=1e-9)
    assert torch.allclose(backward(value, parameters), -slope, rtol=1e-7)
    other = Differences(forget, retain, parameters, BETA, 1e-4).ascent()
    assert other.item() == pytest.approx(value.item(), rel=1e-9)
    assert torch.allclose(backward(other, parameters), -slope, rtol=1e-5)


def test_the_descents_penalty_has_phis_hessian():
    """2 rho H dPhi, H the matrix of second derivatives of Phi, by differences of dPhi."""
    parameters, forget, retain = problem()
    x = torch.cat([p.detach() for p in parameters])
    slope, r, _, _ = slope_of_phi(forget, retain, x)
    columns = [
        (slope_of_phi(forget, retain, x + e)[0] - slope_of_phi(forget, retain, x - e)[0]) / 2e-5
        for e in 1e-5 * torch.eye(4, dtype=x.dtype)
    ]
    hessian = torch.stack(columns)
    assert torch.allclose(hessian, hessian.T, atol=1e-6)
    value = Exact(forget, retain, parameters, BETA).descent(RHO)
    assert value.item() == pytest.approx((retain(x) + RHO * slope @ slope).item(), rel=1e-9)
    found = backward(value, parameters)
    assert torch.allclose(found, r + 2 * RHO * hessian @ slope, rtol=1e-6)


def test_with_differences_the_penalty_has_the_forget_losss_hessian():
    parameters, forget, retain = problem()
    x = torch.cat([p.detach() for p in parameters])
    slope, r, hf, _ = slope_of_phi(forget, retain, x)
    found = backward(Differences(forget, retain, parameters, BETA, 1e-4).descent(RHO), parameters)
    assert torch.allclose(found, r + 2 * RHO * hf @ slope, rtol=1e-5)
    # Without decorrelation Phi is the forget loss, and both ways are one.
    both = [
        backward(of(forget, retain, parameters, 0.0, 1e-4).descent(RHO), parameters)
        for of in (Exact, Differences)
    ]
    assert torch.allclose(*both, rtol=1e-5)


def test_a_product_with_an_explicit_hessian():
    parameters, forget, _ = problem()
    x = torch.cat([p.detach() for p in parameters])
    _, hf = derivatives(forget, x)
    v = torch.randn(4, dtype=x.dtype)
    found = hessian_product(forget, parameters, [v[:2], v[2:]], 1e-4)
    assert torch.allclose(torch.cat(found), hf @ v, rtol=1e-6)
    assert torch.equal(torch.cat([p.detach() for p in parameters]), x)
    zero = hessian_product(forget, parameters, [0 * v[:2], 0 * v[2:]], 1e-4)
    assert not torch.cat(zero).any()


@pytest.mark.parametrize("of", [Exact, Differences])
def test_decorrelated_gradients_have_no_penalty(of):
    """Losses of separate parameters: the cosine is 0 everywhere, and so is its gradient."""
    x, y = (torch.nn.Parameter(torch.randn(3, dtype=torch.float64)) for _ in range(2))

    def forget():
        return x.pow(4).sum()

    def retain():
        return y.exp().sum()

    with_it, without = (of(forget, retain, [x, y], beta, 1e-4).ascent() for beta in (5.0, 0.0))
    assert with_it.item() == pytest.approx(without.item(), abs=1e-12)
    found, expected = (backward(value, [x, y]) for value in (with_it, without))
    assert torch.allclose(found, expected, atol=1e-9)
    assert cosine([torch.zeros(2)], [torch.ones(2)]) == 0


@pytest.fixture
def step(examples):
    return Step(pack(examples[:3], [0, 1, 2]), pack(examples[3:6], [3, 4, 5]))


def test_on_a_model(model, step):
    """The ascent's gradient agrees with differences of Phi along a random direction."""
    method = methods.load("ofmu")({"decorrelation": BETA, "ascents": 1})
    exact = method.loss(Forward(model), step, Reference())
    exact.backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters()}
    model.zero_grad()
    method = methods.load("ofmu")({"decorrelation": BETA, "products": "differences"})
    other = method.loss(Forward(model), step, Reference())
    assert other.item() == pytest.approx(exact.item(), rel=1e-5)
    other.backward()
    for name, p in model.named_parameters():
        # Differences of float32 gradients carry about three digits.
        assert (p.grad - found[name]).norm() < 1e-2 * max(g.norm() for g in found.values()), name


def test_five_ascents_and_one_descent_for_each_batch(model, encoder, pairs):
    method = methods.load("ofmu")({"epochs": 2, "batch_size": 2, "lr": 1e-3})
    data = supervise(encoder, method.needs, pairs[:4], retain=pairs[4:])
    seen, inner = [], method.loss

    def watched(forward, step, reference):
        seen.append(
            (step.batch, method.inner_steps[step.inner_step].name, tuple(step.forget.index))
        )
        return inner(forward, step, reference)

    method.loss = watched
    assert list(method.run(model, data, 0)) == [(1, 12), (2, 24)]
    inner_steps = ["ascent"] * 5 + ["descent"]
    assert [(batch, inner_step) for batch, inner_step, _ in seen] == [
        (b, t) for b in range(4) for t in inner_steps
    ]
    assert len({index for *_, index in seen[:6]}) == 1


def test_the_penalty_grows_from_batch_to_batch_up_to_its_bound():
    settings = {"penalty": 0.1, "penalty_growth": 3, "penalty_most": 2}
    method = methods.load("ofmu")(settings)
    found = [method._rho(batch) for batch in (0, 1, 2, 3, 10**6)]
    assert found == pytest.approx([0.1, 0.3, 0.9, 2, 2])


def test_the_two_kinds_of_step_have_rates_and_moments_of_their_own(model, encoder, pairs):
    """With a tiny rate of the ascents, the run is AdamW's descent of L_r + rho |dPhi|^2."""
    settings = {"epochs": 1, "batch_size": 4, "lr": 1e-3, "warmup_epochs": 0, "penalty": 0}
    ends = []
    for rate in (1e-9, 1.0):
        model = make_family("llama", encoder.tokenizer)
        start = weights(model)
        method = methods.load("ofmu")({**settings, "ascent_rate": rate, "ascents": 2})
        data = supervise(encoder, method.needs, pairs[:4], retain=pairs[4:])
        list(method.run(model, data, 0))
        ends.append(max((w - start[n]).abs().max() for n, w in weights(model).items()))
    assert ends[0] > 1e-4
    assert ends[1] > ends[0]


@pytest.mark.parametrize("products", ["exact", "differences"])
@pytest.mark.parametrize("decorrelation", [0.0, BETA])
def test_it_takes_the_passes_that_it_declares(products, decorrelation, model, step):
    """A gradient of a gradient goes back through the passes once more."""
    settings = {"products": products, "decorrelation": decorrelation, "ascents": 2}
    method = methods.load("ofmu")(settings)
    counted = {"forward": 0, "backward": 0, "frozen": 0}

    def passed(module, inputs, output):
        counted["forward"] += 1
        out = output[0] if isinstance(output, tuple) else output
        out.register_hook(lambda grad: counted.update(backward=counted["backward"] + 1))

    decoder_layers(model)[0].register_forward_hook(passed)
    for inner_step in range(3):
        method.loss(
            Forward(model), dataclasses.replace(step, inner_step=inner_step), Reference()
        ).backward()
    assert counted == vars(method.passes)
