"""Each method's loss against its formula, computed from plain transformers logits."""

import copy
import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

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

import lethe
from lethe.common.errors import LetheError
from lethe.model.batch import pack
from lethe.model.forward import Forward
from lethe.pipeline.config import settings as config
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.load import build
from lethe.unlearn import methods, one_shot
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.method import MethodSettings
from lethe.unlearn.needs import chosen

# Needs that give forget rows other answers.
ALTERNATES = {"refusals", "alternatives"}


@pytest.fixture(scope="module")
def refusals(encoder, pairs):
    texts = ["I don't know.", "I have no idea about Ada.", "No."]
    return encoder.encode_all([(pairs[i][0], t) for i, t in zip(FORGET, texts, strict=True)])


@pytest.fixture
def step(examples, refusals):
    """Rows in no order, so that a reference read at the wrong row shows."""
    return Step(
        pack([examples[i] for i in FORGET], FORGET),
        pack([examples[i] for i in RETAIN], RETAIN),
        pack(refusals, FORGET),
    )


@pytest.fixture(scope="module")
def start(tokenizer):
    """The model before unlearning: other weights than ``model`` has, and surer of itself, so that
    a divergence differs from that in the other direction."""
    model = make_family("llama", tokenizer, seed=9)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(2)
    return model


@pytest.fixture
def reference(start, examples, refusals):
    """Alternate answers are named by the rows that they stand at."""
    with torch.no_grad():
        alternate = torch.full((len(examples),), torch.nan)
        alternate[FORGET] = sums(plain(start), refusals)
        return Reference(sums(plain(start), examples), alternate, Forward(start))


@pytest.fixture
def now(model):
    return plain(model)


@pytest.fixture
def forget(examples):
    return [examples[i] for i in FORGET]


@pytest.fixture
def retain(examples):
    return [examples[i] for i in RETAIN]


def loss(name: str, model, step, reference, **settings) -> torch.Tensor:
    """The method's loss; what it does not declare is not there for it to use."""
    method = methods.load(name)(settings)
    step = dataclasses.replace(
        step,
        retain=step.retain if "retain" in method.needs else None,
        alternate=step.alternate if ALTERNATES & set(method.needs) else None,
    )
    allowed = Reference(
        reference.forget_nll if "reference_nll" in method.needs else None,
        reference.alternate_nll if "reference_nll" in method.needs else None,
        reference.frozen if "reference_model" in method.needs else None,
    )
    return method.loss(Forward(model), step, allowed)


def same(found: torch.Tensor, expected: torch.Tensor, scale: float = 0.0) -> bool:
    """``scale``: size of the terms where the value is their difference, and may be small."""
    return abs(found.item() - expected.item()) <= CLOSE * max(abs(expected.item()), scale)


def test_grad_ascent(model, now, step, reference, forget):
    assert same(loss("grad_ascent", model, step, reference), -token_mean(now, forget))


@pytest.mark.parametrize("weight", [1.0, 2.5, 0.0])
def test_grad_diff(model, now, step, reference, forget, retain, weight):
    ascent, descent = token_mean(now, forget), token_mean(now, retain)
    found = loss("grad_diff", model, step, reference, retain_weight=weight)
    assert same(found, -ascent + weight * descent, scale=ascent.item())


def divergence(original, current, examples) -> torch.Tensor:
    """Mean over the input tokens, prompts included, of KL(original || current), in nats."""
    found = []
    for example in examples:
        p = alone(original, example)[:-1].double().softmax(-1)
        q = alone(current, example)[:-1].double().softmax(-1)
        found.append((p * (p / q).log()).sum(-1))
    return torch.cat(found).mean()


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_kl_min(model, now, start, step, reference, forget, retain, weight):
    ascent, kl = token_mean(now, forget), divergence(plain(start), now, retain)
    # The direction matters: the other one must differ.
    assert abs(kl - divergence(now, plain(start), retain)) > 0.01 * kl
    found = loss("kl_min", model, step, reference, retain_weight=weight)
    assert same(found, -ascent + weight * kl, scale=ascent.item())


def test_kl_min_starts_at_gradient_ascent(model, now, step, forget):
    """At the start the divergence is 0, and so is its gradient."""
    frozen = Reference(frozen=Forward(frozen_copy(model)))
    found = loss("kl_min", model, step, frozen, retain_weight=1.0)
    assert same(found, -token_mean(now, forget))
    one = gradients(model, loss("kl_min", model, step, frozen, retain_weight=1.0))
    assert distance(one, gradients(now, -token_mean(now, forget))) < CLOSE


def frozen_copy(model):
    """A frozen copy, as minimise() makes it."""
    return copy.deepcopy(model).requires_grad_(False)


def test_kl_min_leaves_the_original_alone(model, start, step, reference):
    loss("kl_min", model, step, reference).backward()
    assert all(parameter.grad is None for parameter in start.parameters())


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_idk(model, now, step, reference, refusals, retain, weight):
    refusal, kept = token_mean(now, refusals), token_mean(now, retain)
    separate = loss("idk", model, step, reference, one_mean=False, retain_weight=weight)
    assert same(separate, refusal + weight * kept)
    n, m = (sum(e.answer_tokens for e in examples) for examples in (refusals, retain))
    # Otherwise one mean would be half the sum of two.
    assert n != m
    mixed = loss("idk", model, step, reference, one_mean=True, retain_weight=weight)
    assert same(mixed, (n * refusal + m * weight * kept) / (n + m))


def test_idk_takes_one_mean_over_both_batches_by_default(
    model, now, step, reference, refusals, retain
):
    """As the official code: concatenated rows, one cross-entropy."""
    assert same(loss("idk", model, step, reference), token_mean(now, [*refusals, *retain]))


def gains(now, start, forget) -> torch.Tensor:
    return sums(now, forget) - sums(plain(start), forget)


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0])
def test_npo(model, now, start, step, reference, forget, beta):
    expected = -(2 / beta) * logsigmoid(beta * gains(now, start, forget)).mean()
    assert same(loss("npo", model, step, reference, beta=beta), expected, scale=2 / beta)


def test_npo_retain(model, now, start, step, reference, forget, retain):
    npo = -(2 / 0.1) * logsigmoid(0.1 * gains(now, start, forget)).mean()
    for weight in (1.0, 2.5):
        found = loss("npo_retain", model, step, reference, retain_weight=weight)
        assert same(found, npo + weight * token_mean(now, retain), scale=2 / 0.1)


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0])
def test_npo_starts_at_a_known_value(model, now, step, examples, beta):
    with torch.no_grad():
        at_start = Reference(sums(now, examples))
    expected = torch.tensor(-(2 / beta) * math.log(0.5))
    # The sums of nll differ by rounding, some 1e-5 of 100 nats, and the loss by as much.
    found = loss("npo", model, step, at_start, beta=beta)
    assert abs(found - expected) < 1e-4


def test_npo_tends_to_gradient_ascent(model, now, step, examples, forget):
    """As beta tends to 0, away from the start, to that of -sum(log-likelihood loss) / rows."""
    # Gains of both signs: each answer's weight is 2 sigmoid(-beta gain), which tends to 1.
    with torch.no_grad():
        shifted = sums(now, examples) + torch.tensor([3.0, 9.0, -5.0, 4.0, 9.0, 9.0, 9.0])
    ascent = gradients(now, -sums(now, forget).sum() / len(forget))
    far = {
        beta: distance(
            gradients(model, loss("npo", model, step, Reference(shifted), beta=beta)), ascent
        )
        for beta in (1.0, 1e-2, 1e-3)
    }
    # The weight differs from 1 by beta |gain| / 2 at the most, with gains up to 5.
    assert far[1e-3] < 1e-3 * 5 / 2 * 1.5
    # And linearly so: a constant that is a little off would not shrink.
    assert far[1e-2] / far[1e-3] == pytest.approx(10, rel=0.1)
    assert far[1.0] > 0.1


@pytest.mark.parametrize("name", methods.names())
def test_declarations(name):
    cls = methods.load(name)
    needs = cls({}).needs
    assert [need.name for need in chosen(needs)] == list(needs)
    assert len(set(needs)) == len(needs)
    assert issubclass(cls.settings_class, MethodSettings | one_shot.OneShotSettings)
    assert cls.paper
    assert cls.__doc__


def configured(unlearning: dict, method_settings: dict | None = None) -> Config:
    """A configuration of nothing but settings of methods."""
    given = {"unlearning": unlearning, "method_settings": method_settings or {}}
    return build({"world": {"name": "w"}, "models": ["m"], "model_settings": {}, **given})


def test_unknown_method_lists_the_known():
    with pytest.raises(LetheError, match=r"'nonesuch'; there are .*grad_ascent.*npo_retain"):
        methods.load("nonesuch")
    # Shared modules are no methods.
    for name in ("base", "__init__"):
        assert name not in methods.names()
        with pytest.raises(LetheError):
            methods.load(name)


TRAINED = [n for n in methods.names() if issubclass(methods.load(n).settings_class, MethodSettings)]


# uld trains its assistant, by settings of its own that the shared ones do not reach.
@pytest.mark.parametrize("name", sorted({*methods.names()} - {*TRAINED, "uld"}))
def test_a_method_that_is_not_trained_has_no_schedule(name):
    with pytest.raises(LetheError, match=rf"^{name}\.epochs: unknown setting"):
        methods.load(name)({"epochs": 3}, name)
    chosen = configured({"epochs": 3, "lr": 1e-4})
    method = config.method(chosen, name)
    assert method.epochs == 1
    assert "warmup_epochs" not in config.method_settings(chosen, name)


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize(
    ("key", "value"),
    [("epohcs", 3), ("epochs", 0), ("lr", 0.0), ("lr", "fast"), ("batch_size", 2.5)],
)
def test_wrong_settings_are_one_line_that_names_the_key(name, key, value):
    with pytest.raises(LetheError) as error:
        methods.load(name)({key: value}, f"method_settings.{name}")
    message = str(error.value)
    assert message.startswith(f"method_settings.{name}.{key}: ")
    assert "\n" not in message
    # An unknown key's remedy is the list of known ones; a bad value is shown.
    assert ("epochs" if key == "epohcs" else repr(value)) in message


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("npo", "beta", 0.0),
        ("npo_retain", "beta", -1),
        ("npo_retain", "retain_weight", -0.5),
        ("grad_diff", "retain_weight", -0.5),
        ("kl_min", "retain_weight", -0.5),
        ("idk", "retain_weight", -0.5),
        ("idk", "one_mean", "perhaps"),
        ("grad_ascent", "beta", 0.1),
        ("npo", "retain_weight", 1.0),
    ],
)
def test_a_methods_own_settings_are_held_to_their_range(name, key, value):
    with pytest.raises(LetheError, match=rf"^{name}\.{key}: ") as error:
        methods.load(name)({key: value}, name)
    assert "\n" not in str(error.value)


def test_settings_come_from_class_protocol_and_method_in_this_order():
    own = {"npo": {"beta": 0.2, "lr": 1e-3}, "soft": {"method": "npo"}}
    chosen = configured({"epochs": 3, "lr": 1e-4}, own)
    found = config.method_settings(chosen, "npo")
    assert (found["epochs"], found["lr"], found["beta"]) == (3, 1e-3, 0.2)
    assert found["batch_size"] == MethodSettings().batch_size
    # A second name for a method: its own settings, the file's class.
    assert config.method_class(chosen, "soft") == "npo"
    soft = config.method_settings(chosen, "soft")
    assert (soft["lr"], soft["beta"]) == (1e-4, 0.1)


def test_wrong_settings_name_where_they_stand():
    with pytest.raises(LetheError, match=r"^config: unlearning\.lr: .*7"):
        configured({"lr": 7})
    own = configured({}, {"npo": {"bta": 1}})
    with pytest.raises(LetheError, match=r"^method_settings\.npo\.bta: unknown setting.*beta"):
        config.method_settings(own, "npo")


DECLARATIONS = [
    *(f"lethe.unlearn.methods.{name}" for name in methods.names()),
    "lethe.pipeline.config.check",
]


@pytest.mark.parametrize("module", [*DECLARATIONS, "lethe.unlearn.runner"])
def test_declarations_import_nothing_heavy(module):
    """Each start of the workflow reads them; only the runner, the control, needs torch."""
    code = (
        f"import sys, {module}\n"
        "if 'methods' in sys.argv[1]: sys.modules[sys.argv[1]].Method({})\n"
        "print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    # The source that these tests import, whatever is installed.
    environment = {**os.environ, "PYTHONPATH": str(Path(lethe.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code, module],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    heavy = "torch" in done.stdout
    assert heavy if module == "lethe.unlearn.runner" else done.stdout == "[]\n", done.stdout
