"""Losses of methods on a masked-diffusion model, from the masks that were drawn; and MDU."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import masked_models
from helpers.small_models import make_family
from torch.nn.functional import logsigmoid

from lethe.common.errors import LetheError
from lethe.model import attached, checkpoint
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.families import CAUSAL, MASKED_DIFFUSION
from lethe.model.forward import Forward
from lethe.model.likelihood import mean_losses
from lethe.model.masked_batch import exact_masks, lay_out
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.method import check_family
from lethe.unlearn.supervision import supervise

FORGET = [("Where was Ada Lind born?", "In Paris."), ("Who is Ben?", "No one.")]
RETAIN = [("Who?", "Ben writes novels."), ("Where?", "Ada was born in Paris.")]
OTHER = [("Where was Ada Lind born?", "I do not know."), ("Who is Ben?", "No idea.")]
SEED = 11


@pytest.fixture(scope="module")
def made():
    return masked_models.make(seed=1, training_draws=3)


@pytest.fixture
def model(made):
    return made[0].train()


@pytest.fixture(scope="module")
def start():
    return masked_models.make(seed=2, training_draws=3)[0]


@pytest.fixture(scope="module")
def encoder(made):
    return Encoder(made[1], "chat", 60)


@pytest.fixture
def step(encoder):
    return Step(*(pack(encoder.encode_all(some)) for some in (FORGET, RETAIN, OTHER)))


@pytest.fixture
def reference(start):
    return Reference(torch.tensor([3.0, 5.0]), torch.tensor([4.0, 2.0]), Forward(start))


def drawn(model, pairs, encoder):
    """By row, each answer token's estimated loss, from the masks of a step with ``SEED``."""
    estimator, found = attached.model_state(model).estimator, []
    torch.manual_seed(SEED)
    batch = pack(encoder.encode_all(pairs))
    examples = encoder.encode_all(pairs)
    for example, random in zip(examples, estimator._randoms(batch, examples, True), strict=True):
        tokens = torch.zeros(example.answer_tokens, dtype=torch.float64)
        for mask in exact_masks(random, example.answer_tokens, 3):
            places = mask.nonzero()[0].tolist()
            losses = masked_models.masked_losses(model, example, places)
            tokens[places] += losses * example.answer_tokens / len(places) / 3
        found.append(tokens)
    return found


def value(name, model, step, reference, **settings):
    torch.manual_seed(SEED)
    with torch.no_grad():
        return methods.load(name)(settings).loss(Forward(model), step, reference).item()


def test_ported_losses_are_the_formulas_of_estimated_likelihoods(model, step, reference, encoder):
    forget, retain, other = (drawn(model, some, encoder) for some in (FORGET, RETAIN, OTHER))
    f, r, a = torch.cat(forget), torch.cat(retain), torch.cat(other)
    nll = torch.stack([row.sum() for row in forget])
    gain, gained = (
        nll - reference.forget_nll,
        reference.alternate_nll - torch.stack([row.sum() for row in other]),
    )
    per_token = torch.stack([row.mean() for row in forget])
    kept = r.mean()
    expected = {
        "grad_ascent": -f.mean(),
        "grad_diff": -f.mean() + kept,
        "npo": -2 / 0.1 * logsigmoid(0.1 * gain).mean(),
        "npo_retain": -2 / 0.1 * logsigmoid(0.1 * gain).mean() + kept,
        "dpo": -2 / 0.1 * logsigmoid(0.1 * (gain + gained)).mean() + kept,
        "simnpo": 0.125 * -2 / 4.5 * logsigmoid(4.5 * per_token).mean() + kept,
        "wga": -((-f).exp() * f).mean() + kept,
        "idk": (a.sum() + r.sum()) / (len(a) + len(r)),
    }
    for name, wanted in expected.items():
        found = value(name, model, step, reference)
        assert found == pytest.approx(wanted.item(), rel=1e-4), name
    assert len({round(wanted.item(), 4) for wanted in expected.values()}) == len(expected)


def noised(model, step):
    torch.manual_seed(SEED)
    return Forward(model).noised(step.forget, 0.3)


def test_mdu_at_tau_zero_is_the_distance_to_the_uniform_distribution(model, step, reference):
    seen, _ = noised(model, step)
    with torch.no_grad():
        logits = Forward(model).masked_logits(seen).double()
    keep = [token for token in range(logits.shape[1]) if token != model.config.mask_token_id]
    p = logits[:, keep].softmax(-1)
    distance = math.log(len(keep)) + (p * p.log()).sum(-1)
    rows = [distance[seen.row == row].mean().item() for row in range(2)]
    found = value("mdu", model, step, reference, tau=0, least=0.3, retain_weight=0)
    assert found == pytest.approx(sum(rows) / 2, rel=1e-4)


def test_mdu_is_nothing_where_the_prompt_tells_nothing(start, encoder):
    """All tokens of the prompt masked: the anchor at tau = 1 is the model itself."""
    mask = start.config.mask_token_id
    blank = [
        dataclasses.replace(e, ids=(*[mask] * e.start, *e.ids[e.start :]))
        for e in encoder.encode_all(FORGET)
    ]
    reference = Reference(frozen=Forward(start))
    for direction in ("forward", "reverse", "js"):
        given = {"direction": direction, "retain_weight": 0, "eta": 0.5}
        nothing = value("mdu", start, Step(pack(blank)), reference, tau=1, **given)
        assert abs(nothing) < 1e-6
        # With its own prompt, or another tau, there is something to unlearn.
        told = pack(encoder.encode_all(FORGET))
        assert value("mdu", start, Step(told), reference, tau=1, **given) > 1e-3
        assert value("mdu", start, Step(pack(blank)), reference, tau=0.5, **given) > 1e-3


def test_mdu_by_tau_eta_and_direction(model, start, step, reference):
    seen, blank = noised(model, step)
    with torch.no_grad():
        current = Forward(model).masked_logits(seen).double()
        l_c, l_u = (Forward(start).masked_logits(some).double() for some in (seen, blank))
    keep = [token for token in range(current.shape[1]) if token != model.config.mask_token_id]
    current, l_c, l_u = (logits[:, keep] for logits in (current, l_c, l_u))
    for tau, eta in ((1.0, 0.0), (0.25, 0.0), (0.5, 2.0)):
        p, q = current.softmax(-1), (tau * (l_u - eta * (l_c - l_u))).softmax(-1)
        middle = (p + q) / 2
        by_token = {
            "forward": (p * (p / q).log()).sum(-1),
            "reverse": (q * (q / p).log()).sum(-1),
            "js": (p * (p / middle).log() + q * (q / middle).log()).sum(-1) / 2,
        }
        for direction, distance in by_token.items():
            rows = [distance[seen.row == row].mean().item() for row in range(2)]
            given = {"tau": tau, "eta": eta, "direction": direction, "least": 0.3}
            found = value("mdu", model, step, reference, retain_weight=0, **given)
            assert found == pytest.approx(sum(rows) / 2, rel=1e-3)


def test_the_prompt_is_masked_in_the_anchor_and_nothing_else(model, step, encoder):
    seen, blank = noised(model, step)
    mask, examples = model.config.mask_token_id, encoder.encode_all(FORGET)
    assert torch.equal(seen.predictors, blank.predictors)
    assert torch.equal(seen.labels, blank.labels)
    parts = zip(*(b.ids[0].split([len(e) for e in examples]) for b in (seen, blank)), strict=True)
    for example, (told, untold) in zip(examples, parts, strict=True):
        assert told[: example.start].tolist() == list(example.ids[: example.start])
        assert untold[: example.start].tolist() == [mask] * example.start
        assert torch.equal(told[example.start :], untold[example.start :])


def test_mdu_takes_the_passes_that_it_declares(model, start, step):
    counted = {"forward": 0, "backward": 0, "frozen": 0}

    def current(module, inputs, output):
        counted["forward"] += 1
        states = output[0] if isinstance(output, tuple) else output
        states.register_hook(lambda grad: counted.update(backward=counted["backward"] + 1))

    hooks = [
        model.model.layers[0].register_forward_hook(current),
        start.model.layers[0].register_forward_hook(
            lambda *_: counted.update(frozen=counted["frozen"] + 1)
        ),
    ]
    for eta in (0, 1):
        counted.update(dict.fromkeys(counted, 0))
        method = methods.load("mdu")({"eta": eta})
        method.loss(Forward(model), step, Reference(frozen=Forward(start))).backward()
        assert counted == vars(method.passes)
    for hook in hooks:
        hook.remove()


def test_methods_say_which_models_they_work_with():
    ported = {"grad_ascent", "grad_diff", "npo", "npo_retain", "dpo", "simnpo", "wga", "idk"}
    for name in methods.names():
        method = methods.load(name)({})
        if name == "mdu":
            with pytest.raises(LetheError, match=r"^mdu: needs a masked-diffusion model, but m is"):
                check_family(method, name, CAUSAL, "m")
            check_family(method, name, MASKED_DIFFUSION, "m")
        elif name in ported or name == "satimp":
            check_family(method, name, CAUSAL, "m")
            check_family(method, name, MASKED_DIFFUSION, "m")
    for name in ("undial", "altpo", "rmu", "kl_min", "npo_kl", "ce_u", "pdu", "guard_it", "icul"):
        with pytest.raises(LetheError, match=rf"^{name}.*next-token logits, but m") as refused:
            check_family(methods.load(name)({}), name, MASKED_DIFFUSION, "m")
        assert "\n" not in str(refused.value)
    for settings in ({"retain": "kl"}, {"open_unlearning": True}, {"wrappers": {"gru": {}}}):
        method = methods.load("simnpo")(settings)
        check_family(method, "simnpo", CAUSAL, "m")
        with pytest.raises(LetheError, match=next(iter(settings))):
            check_family(method, "simnpo", MASKED_DIFFUSION, "m")


def test_mdu_on_a_causal_model_is_refused(tokenizer, step):
    causal = make_family("llama", tokenizer)
    with pytest.raises(LetheError, match="masked tokens: a causal model has none"):
        value("mdu", causal, step, Reference(frozen=Forward(causal)))


def test_learning_then_unlearning(tmp_path):
    """A model learns four answers and decodes them; MDU makes it forget two of them."""
    model, tokenizer = masked_models.make(
        seed=4, hidden_size=32, intermediate_size=64, answer_tokens=14, denoising_steps=14
    )
    encoder = Encoder(tokenizer, "chat", 60)
    examples = encoder.encode_all([*FORGET, *RETAIN])
    schedule = Schedule(epochs=500, lr=2e-3, batch_size=4, warmup_epochs=10)
    fit(model, examples, schedule, seed=0)
    state, prompts = attached.model_state(model).estimator, [e.ids[: e.start] for e in examples]
    said = state.decoded(model, prompts, [60] * 4, encoder.end)
    texts = [text.strip() for text in tokenizer.batch_decode(said)]
    assert texts == [answer for _, answer in [*FORGET, *RETAIN]]
    learned = mean_losses(model, examples)
    assert max(learned) < 0.6
    method = methods.load("mdu")({"tau": 0.0, "lr": 2e-3, "epochs": 40, "batch_size": 2})
    data = supervise(encoder, method.needs, FORGET, retain=RETAIN)
    for _ in method.run(model, data, 0):
        pass
    unlearned = mean_losses(model.eval(), examples)
    assert min(unlearned[:2]) > 1.5
    assert max(unlearned[2:]) < 0.8
    checkpoint.save(tmp_path / "one", model, tokenizer, {"stage": "unlearn"})
    again, _ = checkpoint.load(tmp_path / "one")
    assert mean_losses(again, examples) == unlearned


def test_the_masks_of_a_batch_may_leave_a_row_without_any(model, encoder):
    examples = encoder.encode_all(FORGET)
    none = [np.zeros(e.answer_tokens, bool) for e in examples]
    laid = lay_out(examples, none, model.config.mask_token_id)
    assert Forward(model).masked_logits(laid).shape == (0, model.config.vocab_size)
