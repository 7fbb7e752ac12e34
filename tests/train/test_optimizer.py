"""Optimisers, estimated gradients and frozen layers: each against its formula, with any loss."""

import math

import pytest
import torch
from helpers.small_models import make_family

from lethe.common.errors import LetheError
from lethe.train import optimizer_settings
from lethe.train.optimizer import Differentiator, Optimizer, estimate, frozen, quantise
from lethe.unlearn import methods
from lethe.unlearn.method import MethodSettings
from lethe.unlearn.supervision import supervise

FLAT = {"lr": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "max_grad_norm": None, "epochs": 1}


def line(values) -> torch.nn.Linear:
    """A layer with these weights and no bias."""
    layer = torch.nn.Linear(len(values), 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([values]))
    return layer


def walk(choice: dict, gradients, **changed) -> list[list[float]]:
    """Weights, from 0, after each gradient; the first step of a schedule has rate 0."""
    settings = MethodSettings(**FLAT | changed, optimiser=choice)
    layer = line([0.0] * len(gradients[0]))
    optimiser = Optimizer(layer, settings, 1000, settings.optimiser)
    optimiser.number = 1
    seen = []
    for gradient in gradients:
        layer.weight.grad = torch.tensor([gradient])
        optimiser.step()
        optimiser.number = 1
        seen.append(layer.weight.flatten().tolist())
    return seen


def test_signsgd_moves_every_weight_by_the_rate():
    (after,) = walk({"name": "signsgd"}, [[3.0, -1e-6, 0.0]])
    assert after == pytest.approx([-0.1, 0.1, 0.0], rel=1e-6)


def test_sgd_moves_by_the_gradient():
    (after,) = walk({"name": "sgd"}, [[3.0, -1e-6, 0.0]])
    assert after == pytest.approx([-0.3, 1e-7, 0.0], rel=1e-6)


def test_signadam_follows_the_momentum_not_the_gradient():
    """After two gradients of +1, one of -1 turns SGD's sign, but not that of the momentum."""
    gradients = [[1.0], [1.0], [-1.0]]
    adam = walk({"name": "signadam"}, gradients)
    sgd = walk({"name": "signsgd"}, gradients)
    assert [w[0] for w in adam] == pytest.approx([-0.1, -0.2, -0.3], rel=1e-6)
    assert [w[0] for w in sgd] == pytest.approx([-0.1, -0.2, -0.1], rel=1e-6)


def test_many_bits_are_adam_and_one_bit_is_its_largest_entry():
    torch.manual_seed(0)
    gradients = torch.randn(5, 6).tolist()
    exact, fine = (
        torch.tensor(walk(choice, gradients)[-1])
        for choice in ({"name": "adamw"}, {"name": "nbit", "bits": 16})
    )
    assert torch.allclose(exact, fine, atol=1e-5)
    (first,) = walk({"name": "nbit", "bits": 1}, gradients[:1])
    # Adam's first direction is +-1 everywhere: sign and size are exact.
    assert torch.tensor(first).abs().tolist() == pytest.approx([0.1] * 6, rel=1e-4)


def test_sophia_by_hand():
    """The curvature is that of every second gradient; small momenta are divided, others clipped."""
    gradients = [[0.2, 1e-3], [-0.4, 2e-3], [0.1, -1e-3]]
    found = walk({"name": "sophia", "curvature": 0.5, "clip": 1.0, "every": 2}, gradients)
    for place in range(2):
        weight = momentum = curve = 0.0
        for number, gradient in enumerate(gradients):
            g = gradient[place]
            momentum = 0.965 * momentum + 0.035 * g
            if number % 2 == 0:
                curve = 0.99 * curve + 0.01 * g * g
            step = momentum / max(0.5 * curve, 1e-12)
            weight -= 0.1 * min(1.0, max(-1.0, step))
            assert found[number][place] == pytest.approx(weight, rel=1e-4)
    # Curvature of 2e-4 and more: no direction is clipped that is far below it.
    (flat,) = walk({"name": "sophia", "curvature": 1e4}, [[0.2, 1e-3]])
    assert flat == pytest.approx([-0.1 * 0.007 / 4.0, -0.1 * 3.5e-5 / 1e-4], rel=1e-4)


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_quantised_values_are_the_nearest_of_their_levels(bits):
    values = torch.linspace(-0.7, 1.3, 301)
    levels = torch.linspace(-1.3, 1.3, 2**bits)
    found = quantise(values, bits)
    nearest = (values[:, None] - levels).abs().min(1).values
    assert torch.allclose((values - found).abs(), nearest, atol=1e-6)
    assert len(found.unique(dim=0)) <= 2**bits
    assert torch.equal(quantise(torch.zeros(3), bits), torch.zeros(3))


@pytest.mark.parametrize("name", ["sgd", "signsgd", "signadam", "nbit", "adamw", "sophia"])
def test_decay_is_decoupled(name):
    """Weights shrink by lr * decay whatever the direction."""
    settings = MethodSettings(**FLAT | {"weight_decay": 0.5}, optimiser={"name": name})
    layer = line([2.0, -4.0])
    optimiser = Optimizer(layer, settings, 1000, settings.optimiser)
    optimiser.number = 1
    layer.weight.grad = torch.zeros(1, 2)
    optimiser.step()
    assert layer.weight.flatten().tolist() == pytest.approx([1.9, -3.8], rel=1e-6)


# --- estimated gradients ---


def quadratic():
    torch.manual_seed(0)
    a, b, c = torch.randn(5, 5), torch.randn(5), [torch.randn(3), torch.randn(2)]

    def loss():
        x = torch.cat([p.flatten() for p in parameters])
        return x @ a @ x / 2 + b @ x

    parameters = [torch.nn.Parameter(part) for part in c]
    x = torch.cat(c)
    return parameters, loss, (a + a.T) @ x / 2 + b


def estimated(directions: int, radius: float = 0.01, seed: int = 0):
    parameters, loss, exact = quadratic()
    draw = torch.Generator().manual_seed(seed)
    before = [p.detach().clone() for p in parameters]
    value = estimate(parameters, lambda: loss().item(), radius, directions, draw)
    assert all(torch.equal(p, start) for p, start in zip(parameters, before, strict=True))
    found = torch.cat([p.grad.flatten() for p in parameters])
    return found, exact, value, loss().item()


def test_an_estimate_converges_to_the_gradient():
    """Error falls as 1 / sqrt(directions): a wrong scale would leave a rest."""
    sizes = (100, 10_000)
    errors = []
    for directions in sizes:
        found, exact, value, loss = estimated(directions)
        errors.append(float((found - exact).norm() / exact.norm()))
        # The mean of the loss on a sphere of radius 0.01 sqrt(5): its curvature adds that little.
        assert value == pytest.approx(loss, abs=1e-2)
    # Variance of one direction is about (dimensions + 1) |g|^2: sqrt(6 / 10,000) = 0.024.
    assert errors[1] < 0.06
    assert errors[0] < 0.6


def test_one_direction_is_a_difference_along_it():
    """Two points give the slope exactly for a quadratic: the estimate is u (g . u), |u|^2 = 5."""
    found, exact, _, _ = estimated(1)
    assert float(found @ exact) >= 0
    u = found / found.norm() * math.sqrt(5)
    assert torch.allclose(found, u * (u @ exact), rtol=1e-3)


def test_an_estimate_is_seeded():
    assert torch.equal(estimated(3)[0], estimated(3)[0])
    assert not torch.equal(estimated(3)[0], estimated(3, seed=1)[0])


@pytest.mark.parametrize(
    ("steps", "every", "kinds"),
    [(8, 2, "bbzzbbzz"), (7, 2, "bzzbbzz"), (5, 20, "zzzzz"), (6, 3, "bbbzzz")],
)
def test_the_hybrid_ends_with_estimates(steps, every, kinds):
    parameters, loss, _ = quadratic()
    choice = optimizer_settings.Hybrid(every=every)
    gradient = Differentiator(choice, parameters, steps, 0)
    assert gradient.kinds == ("backpropagation", "zeroth")
    assert "".join(gradient([loss], step)[1][0] for step in range(steps)) == kinds


def test_exact_and_estimated_gradients_have_moments_of_their_own():
    """An estimate is larger by the root of the dimensions; its moments would stop Adam for long."""
    settings = MethodSettings(**FLAT)
    layer = line([0.0])
    optimiser = Optimizer(layer, settings, 1000, settings.optimiser, ("exact", "estimate"))
    for memory, gradient in (("exact", 1.0), ("estimate", 1e6), ("exact", 1.0)):
        layer.weight.grad = torch.tensor([[gradient]])
        optimiser.number = 1
        optimiser.step(memory)
    # Each of the three is a full step of Adam's.
    assert layer.weight.item() == pytest.approx(-0.3, rel=1e-4)


# --- on a model, with methods ---

OTHER = {
    "signsgd": {"optimiser": {"name": "signsgd"}},
    "nbit": {"optimiser": {"name": "nbit", "bits": 4}},
    "zeroth": {"gradient": {"name": "zeroth", "directions": 2}},
    "hybrid": {"gradient": {"name": "hybrid", "every": 2}},
}


def run(name, model, encoder, pairs, **settings):
    shared = {"epochs": 2, "lr": 1e-3, "batch_size": 3, "warmup_epochs": 0.5}
    method = methods.load(name)(shared | settings)
    refusals, others = ["I don't know.", "No idea."], [["One.", "Two."]] * 5
    data = supervise(
        encoder,
        method.needs,
        pairs[:5],
        retain=pairs,
        refusals=refusals,
        alternatives=others,
        prior=lambda: make_family("llama", encoder.tokenizer, seed=5),
    )
    list(method.run(model, data, 0))
    return model


TRAINED = [
    n for n in methods.for_causal() if issubclass(methods.load(n).settings_class, MethodSettings)
]


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("variant", OTHER)
def test_every_loss_runs_with_every_update(name, variant, model, encoder, pairs):
    if name in ("ofmu", "lira", "adlira", "asru") and "gradient" in OTHER[variant]:
        # They are made of gradients: an objective, a mask, a stage.
        with pytest.raises(LetheError, match=r"gradient\.name: .*'backpropagation'"):
            run(name, model, encoder, pairs, **OTHER[variant])
        return
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    run(name, model, encoder, pairs, **OTHER[variant])
    moved = max((p - before[n]).abs().max() for n, p in model.named_parameters())
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert moved > 1e-4
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("variant", [{}, OTHER["signsgd"], OTHER["zeroth"]])
def test_frozen_layers_stay_bit_by_bit(variant, model, encoder, pairs):
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    run("grad_diff", model, encoder, pairs, frozen=[r"layers\.0\.", "embed"], **variant)
    for name, p in model.named_parameters():
        chosen = "layers.0." in name or "embed" in name
        assert torch.equal(p, before[name]) == chosen, name
        assert p.requires_grad


def test_a_pattern_that_freezes_nothing_or_all_is_an_error(model):
    with (
        pytest.raises(LetheError, match=r"'layer\.7'.*names are like model"),
        frozen(model, ["embed", "layer.7"]),
    ):
        pass
    with pytest.raises(LetheError, match="nothing is left"), frozen(model, ["."]):
        pass
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"optimiser": {"name": "sofia"}}, r"^npo\.optimiser: .*'adamw'.*sofia"),
        ({"optimiser": {"name": "nbit", "bits": 0}}, r"^npo\.optimiser\.nbit\.bits: .*found 0"),
        ({"optimiser": {"name": "adamw", "bits": 4}}, r"^npo\.optimiser\.adamw\.bits: unknown"),
        ({"gradient": {"name": "zeroth", "radius": 0}}, r"^npo\.gradient\.zeroth\.radius: "),
    ],
)
def test_wrong_choices_are_one_line(settings, line):
    with pytest.raises(LetheError, match=line) as error:
        methods.load("npo")(settings, "npo")
    assert "\n" not in str(error.value)
