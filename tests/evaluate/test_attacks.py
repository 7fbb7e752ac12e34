"""What states do to a model."""

import copy

import pytest
import torch
from helpers.small_models import make_family
from transformers import GPT2Config, GPT2LMHeadModel

from lethe.common.errors import LetheError
from lethe.evaluate import attack
from lethe.evaluate.attacks import quantization, relearning
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers

PAIRS = [(f"Who wrote book {n}?", f"Book {n} was written by author {n * 7}.") for n in range(6)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 320)


@pytest.fixture(scope="module")
def examples(tokenizer):
    return Encoder(tokenizer, "chat", 96).encode_all(PAIRS)


def brought(model, kind, examples=(), seed=0, **given):
    """A copy of the model in a state."""
    changed = copy.deepcopy(model)
    settings = attack.settings_of(kind, given, "attack_settings.x")
    attack.load(kind).change(changed, settings, list(examples), seed, lambda *_: None)
    return changed


def test_rounding_is_to_the_nearest_of_the_values_of_a_group():
    # One row of two groups: the scale of 3 bits is the largest weight over 3.
    row = torch.tensor([[0.3, -0.16, 0.04, -0.2, 6.0, 0.9]])
    expected = torch.tensor([[0.3, -0.2, 0.0, -0.2, 6.0, 0.0]])
    torch.testing.assert_close(quantization.rounded_to(row, 3, 4), expected)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_no_weight_moves_by_more_than_half_a_step_and_groups_are_apart(bits):
    weights = torch.randn(5, 50, generator=torch.Generator().manual_seed(0))
    weights[:, 32:] *= 1000
    rounded = quantization.rounded_to(weights, bits, 32)
    for part in (slice(0, 32), slice(32, 50)):
        step = weights[:, part].abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
        assert ((rounded - weights)[:, part].abs() <= step / 2 * 1.0001).all()
        assert all(len(set(row.tolist())) <= 2**bits - 1 for row in rounded[:, part])
    torch.testing.assert_close(quantization.rounded_to(rounded, bits, 32), rounded)


def test_a_group_of_zeros_stays():
    assert (quantization.rounded_to(torch.zeros(2, 5), 4, 4) == 0).all()


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_quantised_are_the_matrices_of_the_layers_alone(family, tokenizer):
    """Of GPT-2, whose matrices are [inputs, outputs], along the inputs as well."""
    if family == "llama":
        model = make_family(family, tokenizer)
    else:
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": len(tokenizer)}
        model = GPT2LMHeadModel(GPT2Config(**sizes))
    changed = brought(model, "quantization", bits=4, group=16)
    layers = {id(p) for p in decoder_layers(changed).parameters()}
    found = 0
    for (name, before), after in zip(model.named_parameters(), changed.parameters(), strict=True):
        if id(after) in layers and after.dim() == 2:
            found += 1
            rows = (before.T, after.T) if family == "gpt2" else (before, after)
            torch.testing.assert_close(rows[1], quantization.rounded_to(rows[0], 4, 16))
            assert not torch.equal(before, after), name
        else:
            assert torch.equal(before, after), name
    assert found >= 8


def loss(model, examples):
    with torch.no_grad():
        return Forward(model).answers(pack(examples)).mean_nll().item()


def test_relearning_teaches_the_forget_set_from_the_seed(tokenizer, examples):
    model = make_family("llama", tokenizer)
    given = {"steps": 12, "lr": 1e-2, "batch_size": 4}
    changed = brought(model, "relearning", examples, **given)
    assert loss(changed, examples) < 0.7 * loss(model, examples)
    again, other = (brought(model, "relearning", examples, seed, **given) for seed in (0, 1))
    same = [
        torch.equal(p, q) for p, q in zip(changed.parameters(), again.parameters(), strict=True)
    ]
    assert all(same)
    assert loss(other, examples) != loss(changed, examples)


def test_relearning_uses_the_rows_that_it_is_allowed_and_each_as_often():
    settings = relearning.RelearningSettings(steps=5, batch_size=4, rows=3)
    rows = relearning.drawn(100, settings, 0)
    assert len(rows) == 20
    assert len(set(rows)) == 3
    assert {rows.count(row) for row in set(rows)} == {6, 7}
    settings = relearning.RelearningSettings(steps=5, batch_size=4)
    assert set(relearning.drawn(7, settings, 0)) == set(range(7))


def test_kinds_are_found_and_bad_settings_named():
    assert set(attack.names()) >= {"quantization", "relearning"}
    assert attack.needs("relearning") == ("forget",)
    assert attack.needs("quantization") == ()
    with pytest.raises(LetheError, match=r"'melted'.*quantization, relearning"):
        attack.load("melted")
    with pytest.raises(LetheError, match=r"attack_settings\.q\.bits: .*found 9"):
        attack.settings_of("quantization", {"bits": 9}, "attack_settings.q")
