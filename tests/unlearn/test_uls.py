"""ULS and UCE on the output head: against transformers' own passes, in double precision."""

import copy

import pytest
import torch
from helpers.small_models import FAMILIES, make_family, plain
from helpers.tiny_families import build, configuration

from lethe.common.errors import LetheError
from lethe.model import checkpoint
from lethe.model.attention import use_packing
from lethe.model.cost import Meter, watch
from lethe.model.likelihood import mean_losses
from lethe.model.settings import Compute
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import check_adapters


def run(model, encoder, pairs, **settings):
    method = methods.load("uls")(settings, "uls")
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    assert list(method.run(model, data, 0)) == [(1, 1)]
    return method


def double(model):
    """Transformers' own model in double precision."""
    return plain(model).double()


def tokens(model, examples):
    """Inputs of the head and labels at the answers' tokens, one sequence at a time."""
    states, labels = [], []
    for example in examples:
        with torch.no_grad():
            hidden = model.base_model(input_ids=torch.tensor([example.ids])).last_hidden_state[0]
        states.append(hidden[example.start - 1 : -1])
        labels.extend(example.ids[example.start :])
    return torch.cat(states), torch.tensor(labels)


def parts(model, examples):
    """Head W [V, H] and bias, forget gradient, S_r with its ridge unit, shares, by hand."""
    head = model.get_output_embeddings()
    bias = 0.0 if head.bias is None else head.bias
    (h, y), (k, other) = tokens(model, examples[:3]), tokens(model, examples[3:])
    p = (h @ head.weight.T + bias).softmax(-1)
    p[torch.arange(len(y)), y] -= 1
    moment = k.T @ k / len(k)
    ridge = moment.trace() / len(moment) * torch.eye(len(moment), dtype=moment.dtype)
    return head.weight.detach(), bias, p.T @ h / len(h), k, moment, ridge, len(y) / len(other)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_uls_is_one_step_of_newton_on_the_head(name, tokenizer, encoder, pairs, examples):
    model = make_family(name, tokenizer)
    before = copy.deepcopy(model)
    w, _, gradient, _, moment, ridge, share = parts(double(model), examples)
    run(model, encoder, pairs, form="uls", strength=2, ridge=0.1)
    wanted = w + 2 * share * gradient @ torch.linalg.inv(moment + 0.1 * ridge)
    found = model.get_output_embeddings().weight.double()
    assert (found - w).norm() > 1e-3
    assert (found - wanted).norm() < 1e-4 * (wanted - w).norm()
    # Nothing else has changed, and tied input embeddings are as they were.
    now = dict(model.named_parameters())
    other = [n for n, p in before.named_parameters() if not torch.equal(p, now[n])]
    assert all(now[n] is model.get_output_embeddings().weight for n in other)
    assert torch.equal(before.get_input_embeddings().weight, model.get_input_embeddings().weight)


@pytest.mark.parametrize("name", ["llama", "phi", "gpt_neox"])
def test_uce_solves_its_equation(name, tokenizer, encoder, pairs, examples):
    model = make_family(name, tokenizer)
    w, bias, gradient, k, _, ridge, share = parts(double(model), examples)
    run(model, encoder, pairs, form="uce", ridge=0.01, tolerance=1e-3, steps=5000)
    found = model.get_output_embeddings().weight.double()
    moved = ((k @ found.T + bias).softmax(-1) - (k @ w.T + bias).softmax(-1)).T @ k / len(k)
    right = share * gradient - 0.01 * (found - w) @ ridge
    assert (moved - right).norm() < 2e-3 * (share * gradient).norm()
    assert moved.norm() > 0.1 * (share * gradient).norm()


def test_the_sample_is_drawn_by_the_seed(tokenizer, encoder, pairs):
    found = []
    for seed in (0, 0, 3):
        model = make_family("llama", tokenizer)
        method = methods.load("uls")({"form": "uls", "sample": 2}, "uls")
        data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
        list(method.run(model, data, seed))
        found.append(model.get_output_embeddings().weight)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_tied_head_is_untied_and_saved_so(tokenizer, encoder, pairs, examples, tmp_path):
    model = make_family("llama", tokenizer)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    into = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is into
    kept = into.detach().clone()
    run(model, encoder, pairs)
    assert torch.equal(into, kept)
    assert not torch.equal(model.get_output_embeddings().weight, kept)
    checkpoint.save(tmp_path / "saved", model, tokenizer, {})
    again, _ = checkpoint.load(tmp_path / "saved")
    assert mean_losses(again, examples) == mean_losses(model, examples)


def test_forgetting_raises_the_forget_loss(model, encoder, pairs, examples):
    before = mean_losses(model, examples)
    run(model, encoder, pairs, strength=4)
    after = mean_losses(model, examples)
    assert sum(after[:3]) > sum(before[:3])
    rise = [a - b for a, b in zip(after, before, strict=True)]
    assert sum(rise[3:]) / 4 < sum(rise[:3]) / 3


def test_capped_logits_have_no_equation(tokenizer, encoder, pairs):
    model = build(configuration("gemma2", tokenizer))
    use_packing(model, "eager")
    run(model, encoder, pairs, form="uls")
    with pytest.raises(LetheError, match=r"uls\.form: uce needs .* Gemma2.*; set it to uls"):
        run(model, encoder, pairs, form="uce")


def test_it_takes_the_passes_that_it_declares(model, encoder, pairs):
    watch(model)
    with Meter() as meter:
        method = run(model, encoder, pairs)
    found = meter.read()
    assert (found["forward_passes"], found["backward_passes"]) == (2, 0)
    assert list(vars(method.passes).values()) == [2, 0, 0]


def test_adapters_are_refused():
    with pytest.raises(LetheError, match="uls works on whole weights; leave adapters out"):
        check_adapters(methods.load("uls")({}, "uls"), Compute(lora={}))
