"""Every trainer of open-unlearning on its own batch: losses, terms and gradients to the digit."""

import copy

import pytest
import torch
from helpers.open_unlearning import INEXACT, OURS, gradient_norms, total
from torch.nn.functional import cross_entropy, logsigmoid

from lethe.model.forward import Forward

CLOSE = 1e-4


def close(found: float, wanted: float, scale: float = 0.0) -> bool:
    """``scale``: size of the terms where the value is a small difference of them."""
    return abs(found - wanted) <= CLOSE * max(abs(wanted), scale)


@pytest.fixture(scope="module")
def step(oracle):
    return oracle.step()


@pytest.fixture(scope="module")
def reference(oracle):
    return oracle.reference()


def test_the_oracle_names_no_other_methods(oracle):
    assert set(oracle.values["methods"]) == set(OURS)


def test_reference_losses(oracle, reference):
    for name, ours in (("forget", reference.forget_nll), ("alternate", reference.alternate_nll)):
        theirs = torch.tensor(oracle.values["inputs"][name]["nll_sum_R"])
        tokens = torch.tensor(oracle.values["inputs"][name]["n_label_tokens"])
        # Its sums are that inexact (its README).
        assert ((ours - theirs).abs() <= 2e-5 * tokens).all()


@pytest.mark.parametrize("key", OURS)
def test_terms(oracle, step, reference, key):
    wanted, method = oracle.values["methods"][key], oracle.method(key)
    model = Forward(oracle.current)
    with torch.no_grad():
        forget = method.forget(model, step, reference).item()
        loss = method.loss(model, step, reference).item()
        assert close(forget, wanted["forget_loss"])
        kept = 0.0
        if method.term is not None:
            kept = method.retain(model, step, reference).item()
            assert close(kept, wanted["retain_loss"])
    assert close(loss, wanted["loss"], scale=max(abs(forget), abs(kept)) if key == "WGA" else 0.0)


@pytest.mark.parametrize("key", OURS)
def test_gradients(oracle, step, reference, key):
    wanted, method = oracle.values["methods"][key], oracle.method(key)
    model = oracle.current
    norms = gradient_norms(model, method.loss(Forward(model), step, reference))
    assert close(total(norms), wanted["grad_norm"])
    by_parameter = wanted["grad_norm_by_parameter"]
    assert norms.keys() == by_parameter.keys()
    noise = 10 if (oracle.values["setup"]["model_M"], key) in INEXACT else 1
    floor = 0.01 * max(by_parameter.values())
    for name, norm in by_parameter.items():
        assert abs(norms[name] - norm) <= noise * CLOSE * max(norm, floor), name
    for name in wanted["parameters_without_grad"]:
        assert norms[name] == 0
    forget = gradient_norms(model, method.forget(Forward(model), step, reference))
    assert close(total(forget), wanted["forget_grad_norm"])


def test_where_open_unlearning_is_inexact_ours_is_not(oracle, step, reference):
    """NPO's gradient in double precision, from plain logits of one row at a time."""
    method, wanted = oracle.method("NPO"), oracle.values["methods"]["NPO"]
    ours = gradient_norms(oracle.current, method.forget(Forward(oracle.current), step, reference))
    model = copy.deepcopy(oracle.current).double()
    model.set_attn_implementation("sdpa")
    sums = []
    for example in oracle.examples("forget"):
        logits = model(input_ids=torch.tensor([example.ids])).logits[0, example.start - 1 : -1]
        labels = torch.tensor(example.ids[example.start :])
        sums.append(cross_entropy(logits, labels, reduction="sum"))
    gains = torch.stack(sums) - reference.forget_nll.double()
    exact = gradient_norms(model, -(2 / 0.1) * logsigmoid(0.1 * gains).mean())
    floor = 0.01 * max(exact.values())
    for name, norm in exact.items():
        assert abs(ours[name] - norm) <= CLOSE * max(norm, floor), name
    # The file has these of the whole loss alone; its global norm of this term agrees.
    assert close(total(exact), wanted["forget_grad_norm"])
