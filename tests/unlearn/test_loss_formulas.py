"""The corrected forms of the losses, from plain transformers logits of one row at a time.

The core's tests hold TOFU's baselines and NPO; these are the others, and their limits.
"""

import dataclasses

import pytest
import torch
from helpers.small_models import (
    CLOSE,
    alone,
    distance,
    gradients,
    make_family,
    plain,
    sums,
    token_mean,
)
from helpers.steps import FORGET, RETAIN
from torch.nn.functional import logsigmoid

from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.cost import Meter, watch
from lethe.model.forward import Forward, decoder_layers, layer_states
from lethe.unlearn import methods
from lethe.unlearn.interface import Reference
from lethe.unlearn.method import Method
from lethe.unlearn.methods.whp import generic_labels
from lethe.unlearn.supervision import supervise


@pytest.fixture(scope="module")
def start(tokenizer):
    """The model before unlearning: other weights than ``model`` has."""
    return make_family("llama", tokenizer, seed=9)


@pytest.fixture
def reference(start, examples, others):
    with torch.no_grad():
        old = plain(start)
        return Reference(sums(old, examples), sums(old, others), Forward(start))


@pytest.fixture
def now(model):
    return plain(model)


@pytest.fixture
def forget(examples):
    return [examples[i] for i in FORGET]


@pytest.fixture
def retain(examples):
    return [examples[i] for i in RETAIN]


def loss(name, model, step, reference, **settings):
    return methods.load(name)(settings).loss(Forward(model), step, reference)


def answers(model, examples) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [N, V] that predict the answers' tokens, and those tokens [N]."""
    logits = [alone(model, example)[example.start - 1 : -1] for example in examples]
    labels = [torch.tensor(example.ids[example.start :]) for example in examples]
    return torch.cat(logits).double(), torch.cat(labels)


def log_likelihood(model, examples) -> torch.Tensor:
    logits, labels = answers(model, examples)
    return logits.log_softmax(-1).gather(1, labels[:, None])[:, 0]


def same(found, expected, scale: float = 0.0) -> bool:
    found, expected = found.item(), expected.item()
    return abs(found - expected) <= CLOSE * max(abs(expected), scale)


@pytest.mark.parametrize("name", ["dpo", "altpo"])
@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_dpo(name, beta, model, now, start, step, reference, forget, others, retain):
    old = plain(start)
    lost = sums(now, forget) - sums(old, forget)
    gained = sums(old, others) - sums(now, others)
    expected = -(2 / beta) * logsigmoid(beta * (gained + lost)).mean()
    found = loss(name, model, step, reference, beta=beta, retain_weight=0)
    assert same(found, expected, scale=2 / beta)
    both = loss(name, model, step, reference, beta=beta, retain_weight=3, forget_weight=2)
    assert same(both, 2 * expected + 3 * token_mean(now, retain), scale=4 / beta)


def test_dpo_is_npo_where_the_alternate_stays_as_likely(model, now, step, reference, others):
    with torch.no_grad():
        kept = dataclasses.replace(reference, alternate_nll=sums(now, others))
    dpo = loss("dpo", model, step, kept, retain_weight=0)
    assert same(dpo, loss("npo", model, step, reference), scale=20)


@pytest.mark.parametrize(("beta", "delta"), [(4.5, 0.0), (2.0, 1.5)])
def test_simnpo(beta, delta, model, now, step, reference, forget, retain):
    tokens = torch.tensor([example.answer_tokens for example in forget])
    mean = sums(now, forget) / tokens
    expected = -(2 / beta) * logsigmoid(beta * (mean - delta)).mean()
    found = loss("simnpo", model, step, reference, beta=beta, delta=delta, retain_weight=0)
    assert same(found, 0.125 * expected)
    both = loss("simnpo", model, step, reference, beta=beta, delta=delta)
    assert same(both, 0.125 * expected + token_mean(now, retain))


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
def test_wga(beta, model, now, step, reference, forget):
    ll = log_likelihood(now, forget)
    found = loss("wga", model, step, reference, beta=beta, retain_weight=0)
    assert same(found, ((beta * ll).exp() * ll).mean())


@pytest.mark.parametrize(("beta1", "beta2"), [(5.0, 1.0), (1.0, 0.0), (0.0, 2.0)])
def test_satimp(beta1, beta2, model, now, step, reference, forget):
    ll = log_likelihood(now, forget)
    p = ll.exp()
    settings = {"beta1": beta1, "beta2": beta2, "forget_weight": 1, "retain_weight": 0}
    found = loss("satimp", model, step, reference, **settings)
    assert same(found, (p**beta1 * (1 - p) ** beta2 * ll).mean())


def test_weights_of_tokens_are_constants(model, now, step, reference, forget):
    """The gradient is that of a sum with fixed weights."""
    ll = log_likelihood(now, forget)
    fixed = (ll.detach().exp() * ll).mean()
    found = gradients(model, loss("wga", model, step, reference, retain_weight=0))
    assert distance(found, gradients(now, fixed.float())) < CLOSE


@pytest.mark.parametrize("skip", [True, False])
def test_ce_u(skip, model, now, step, reference, forget):
    terms = []
    for example in forget:
        logits, labels = answers(now, [example])
        for z, label in list(zip(logits, labels, strict=True))[int(skip) :]:
            q = z.detach().clone()
            q[label] = -torch.inf
            terms.append(-(q.softmax(-1) * z.log_softmax(-1)).sum())
    found = loss("ce_u", model, step, reference, skip_first=skip)
    assert same(found, torch.stack(terms).mean())
    wanted = gradients(now, torch.stack(terms).mean().float())
    ours = gradients(model, loss("ce_u", model, step, reference, skip_first=skip))
    # Float32 against double: two roundings of CLOSE's kind.
    assert distance(ours, wanted) < 2 * CLOSE


@pytest.mark.parametrize("beta", [10.0, 2.0])
def test_undial(beta, model, now, start, step, reference, forget, retain):
    student, labels = answers(now, forget)
    teacher, _ = answers(plain(start), forget)
    lowered = teacher - beta * torch.nn.functional.one_hot(labels, teacher.shape[1])
    expected = -(lowered.softmax(-1) * student.log_softmax(-1)).sum(-1).mean()
    assert same(loss("undial", model, step, reference, beta=beta), expected)
    both = loss("undial", model, step, reference, beta=beta, retain_weight=2)
    assert same(both, expected + 2 * token_mean(now, retain))


def test_undial_stands_still_where_nothing_is_lowered(model, step):
    """The teacher is the model itself: with beta 0 there is nothing to learn."""
    own = Reference(frozen=Forward(model))
    found = gradients(model, loss("undial", model, step, own, beta=0.0))
    ascent = gradients(model, loss("grad_ascent", model, step, own))
    size = max(g.norm() for g in ascent.values())
    assert max(g.norm() for g in found.values()) < 1e-5 * size


@pytest.mark.parametrize("preference", ["logit", "probability"])
def test_tpo(preference, model, now, start, examples, step, reference, forget, retain):
    """A preference against tokens that few retain answers have; the others stay as they were."""
    settings = {"beta": 0.4, "preserve": 3.0, "common": 0.3, "preference": preference}
    method = methods.load("tpo")({**settings, "retain_weight": 2.0})
    method.prepare(model, type("Data", (), {"retain": retain}), 0)
    logits, labels = answers(now, forget)
    before, _ = answers(plain(start), forget)
    has = [{*e.ids[e.start :]} for e in retain]
    telling = torch.tensor([sum(t in one for one in has) <= 0.3 * 3 for t in labels.tolist()])
    assert 3 <= telling.sum() < len(telling)
    logs, known = logits.log_softmax(-1), before.log_softmax(-1)
    now_, then = (logits, before) if preference == "logit" else (logs, known)
    gain = (now_ - then).gather(1, labels[:, None])[:, 0]
    preferred = -2 / 0.4 * logsigmoid(-0.4 * gain)
    kept = (known.exp() * (known - logs)).sum(-1)
    expected = torch.where(telling, preferred, 3.0 * kept).mean()
    found = method.loss(Forward(model), step, reference)
    assert same(found, expected + 2 * token_mean(now, retain))


def test_tpo_pulls_at_no_general_token_at_first(model, step, retain):
    """Where nothing has changed yet, the divergence of what is kept has no gradient."""
    method = methods.load("tpo")({"common": 0.0, "retain_weight": 0})
    method.prepare(model, type("Data", (), {"retain": [*retain]}), 0)
    method.general = torch.arange(model.config.vocab_size)
    own = Reference(frozen=Forward(model))
    found = gradients(model, method.loss(Forward(model), step, own))
    ascent = gradients(model, loss("grad_ascent", model, step, own))
    size = max(g.norm() for g in ascent.values())
    assert max(g.norm() for g in found.values()) < 1e-5 * size


def test_pdu(model, now, step, reference, forget, retain):
    logits, _ = answers(now, forget)
    flat = (logits.max(-1).values - logits.mean(-1)).square().mean()
    kept = token_mean(now, retain)
    found = loss("pdu", model, step, reference, bound=0.5, retain_weight=7)
    assert same(found, flat + 7 * (kept - 0.5))


def test_pdus_multiplier_follows_the_retain_loss(model, step, reference, now, retain):
    settings = {"bound": 0.5, "retain_weight": 2, "dual_step": 0.1, "dual_warmup_epochs": 1}
    method = methods.load("pdu")(settings)
    kept = token_mean(now, retain).item()
    for epoch, expected in ((1, 2.0), (2, 2 + 0.1 * (kept - 0.5)), (3, 2 + 0.2 * (kept - 0.5))):
        method.sums["excess"] = 0.0
        method.loss(Forward(model), step, reference)
        method.stepped(epoch)
        assert method.multiplier == pytest.approx(expected, rel=1e-4)
    # It never rewards a retain loss, and a run begins anew.
    method.sums["excess"] = -1e6
    method.stepped(9)
    assert method.multiplier == 0
    method.prepare(model, None, 0)
    assert method.multiplier == 2


def states(model, example, layer) -> torch.Tensor:
    """What a layer puts out, [tokens, H]; transformers lists the embeddings first."""
    out = model(input_ids=torch.tensor([example.ids]), output_hidden_states=True)
    return out.hidden_states[layer + 1][0]


def test_rmu(model, now, start, step, reference, forget, retain):
    method = methods.load("rmu")({"layer": 0, "retain_weight": 3, "steering": 5})
    method.prepare(model, None, 0)
    u = method.direction
    assert u.norm().item() == pytest.approx(5, rel=1e-5)
    assert (u >= 0).all()

    def rows(examples, target):
        found = []
        for example in examples:
            h = states(now, example, 0)
            inner = slice(example.start - 1, -1)
            found.append((h[inner] - target(example)[inner]).square().mean())
        return torch.stack(found).mean()

    old = plain(start)
    steered = rows(forget, lambda example: u.expand(len(example), -1))
    kept = rows(retain, lambda example: states(old, example, 0))
    assert same(method.loss(Forward(model), step, reference), steered + 3 * kept)


def test_rmus_direction_comes_from_the_seed(model):
    found = []
    for seed in (0, 0, 1):
        method = methods.load("rmu")({})
        torch.rand(len(found) + 1)
        method.prepare(model, None, seed)
        found.append(method.direction)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt_neox", "phi"])
def test_a_layers_states_are_transformers_own(family, tokenizer, examples):
    """The last layer but one; transformers norms what it lists of the last."""
    model = make_family(family, tokenizer)
    batch = pack(examples)
    found, expected = layer_states(model, batch, 0), []
    for example in examples:
        expected.append(states(plain(model), example, 0)[:-1])
    assert torch.allclose(found, torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_no_layer_after_the_wanted_one_runs(model, examples):
    ran = []
    for number, layer in enumerate(decoder_layers(model)):
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
    layer_states(model, pack(examples), 0)
    assert ran == [0]
    # The hook that stops there is gone.
    Forward(model).answers(pack(examples))
    assert ran == [0, 0, 1]
    with pytest.raises(LetheError, match=r"layer: 2, but the model has layers 0 to 1"):
        layer_states(model, pack(examples), 2)


@pytest.mark.parametrize("alpha", [0.0, 5.0])
def test_whps_labels_are_the_likeliest_generic_tokens(alpha, model, now, start, examples):
    old = plain(start)
    found = generic_labels(model, start, examples, alpha, 3)
    for example, labels in zip(examples, found, strict=True):
        z, _ = answers(now, [example])
        reinforced, _ = answers(old, [example])
        assert torch.equal(labels, (z - alpha * (reinforced - z).clamp(min=0)).argmax(-1))


def test_whp_learns_its_labels(model, now, step, reference, examples, forget):
    method = methods.load("whp")({"reinforce_epochs": 2, "lr": 1e-3})
    before = [p.clone() for p in model.parameters()]
    method.prepare(model, type("Data", (), {"forget": examples, "retain": examples}), 0)
    # The copy learned, not the model.
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))
    logits, _ = answers(now, forget)
    labels = torch.cat([method.labels[row] for row in FORGET])
    expected = -logits.log_softmax(-1).gather(1, labels[:, None]).mean()
    assert same(method.loss(Forward(model), step, reference), expected)
    # Where the reinforced model is surer of an answer, it is no longer the label.
    assert not torch.equal(labels, answers(now, forget)[1])


# --- limits ---


def test_dpo_tends_to_ascent_and_descent(model, now, step, examples, others, forget):
    """As beta tends to 0: up on the answer, down on the alternate, by their sums."""
    with torch.no_grad():
        shifted = sums(now, examples) + 3, sums(now, others) - 4
    limit = gradients(now, (sums(now, others) - sums(now, forget)).mean())
    far = {
        beta: distance(
            gradients(
                model, loss("dpo", model, step, Reference(*shifted), beta=beta, retain_weight=0)
            ),
            limit,
        )
        for beta in (1e-2, 1e-3)
    }
    assert far[1e-3] < 1e-3 * 7 / 2 * 1.5
    assert far[1e-2] / far[1e-3] == pytest.approx(10, rel=0.1)


def test_simnpo_tends_to_the_ascent_of_means(model, now, step, reference, forget):
    """As beta tends to 0, to gradient ascent on each answer's mean, not its sum."""
    tokens = torch.tensor([example.answer_tokens for example in forget])
    limit = gradients(now, -(sums(now, forget) / tokens).mean())
    far = {}
    for beta in (1e-2, 1e-3):
        settings = {"beta": beta, "forget_weight": 1, "retain_weight": 0}
        far[beta] = distance(
            gradients(model, loss("simnpo", model, step, reference, **settings)), limit
        )
    assert far[1e-3] < 1e-2
    assert far[1e-2] / far[1e-3] == pytest.approx(10, rel=0.1)


def test_weighted_ascents_begin_at_ascent(model, step, reference):
    ascent = loss("grad_ascent", model, step, reference)
    assert same(loss("wga", model, step, reference, beta=0, retain_weight=0), ascent)
    zero = {"beta1": 0, "beta2": 0, "forget_weight": 1, "retain_weight": 0}
    assert same(loss("satimp", model, step, reference, **zero), ascent)


# --- composition ---


@pytest.mark.parametrize("name", ["grad_diff", "npo_retain", "simnpo", "wga", "undial"])
def test_any_retain_term_goes_with_any_forget_term(name, model, step, reference):
    """Each by its weight, beside the same forget term."""
    alone_ = loss(name, model, step, reference, retain_weight=0)
    for term, other in (("nll", "grad_diff"), ("kl", "kl_min"), ("embedding", "rmu")):
        method = methods.load(name)({"retain": term, "retain_weight": 3, "layer": 0})
        own = methods.load(other)({"layer": 0} if other == "rmu" else {})
        with torch.no_grad():
            kept = own.retain(Forward(model), step, reference)
            found = method.loss(Forward(model), step, reference)
        assert same(found, alone_ + 3 * kept, scale=abs(alone_.item()))
        assert ("reference_model" in method.needs) == (term != "nll" or name == "undial")


@pytest.mark.parametrize("name", ["grad_diff", "kl_min", "idk", "dpo", "simnpo", "rmu", "undial"])
def test_a_term_of_no_weight_is_neither_needed_nor_computed(name, model, step, reference):
    method = methods.load(name)({"retain_weight": 0})
    assert "retain" not in method.needs
    method.prepare(model, None, 0)
    method.loss(Forward(model), dataclasses.replace(step, retain=None), reference)


@pytest.mark.parametrize(
    "name", [name for name in methods.for_causal() if methods.load(name).run is Method.run]
)
def test_a_step_takes_the_passes_that_it_declares(name, model, start, step, encoder, pairs):
    """Those that jobs count, of which the frozen copy's are told by its first layer."""
    frozen = []
    method = methods.load(name)({"batch_size": 3})
    data = supervise(
        encoder, method.needs, pairs, retain=pairs, refusals=["No."], alternatives=[["No."]] * 7
    )
    method.prepare(model, data, 0)
    watch(model)
    hook = decoder_layers(start)[0].register_forward_hook(lambda *_: frozen.append(1))
    with torch.no_grad():
        known = Reference(torch.zeros(7), torch.zeros(3), Forward(start))
    with Meter() as meter:
        for inner_step in range(len(method.inner_steps)):
            method.loss(
                Forward(model), dataclasses.replace(step, inner_step=inner_step), known
            ).backward()
    hook.remove()
    # Of other models only passes that end at a layer are counted.
    others = len(frozen) if getattr(method.settings, "retain", None) == "embedding" else 0
    found = {
        "forward": meter.tally.forward_passes - others,
        "backward": meter.tally.backward_passes,
        "frozen": len(frozen),
    }
    assert found == vars(method.passes)


def test_an_estimated_gradient_needs_no_backward_pass():
    gradient = {"name": "zeroth", "directions": 4}
    passes = methods.load("kl_min")({"gradient": gradient}).passes
    assert vars(passes) == {"forward": 16, "backward": 0, "frozen": 8}
