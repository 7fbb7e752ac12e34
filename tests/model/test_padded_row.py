import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, distance, gradients, make_family

from lethe.model import padded_row
from lethe.model.batch import pack
from lethe.model.forward import Forward, packed_states
from lethe.model.padded_batch import padded
from lethe.model.padded_row import Shape


def on_cpu(batch):
    """What a recording computes, run as usual."""
    shape = padded_row.shape_of(batch)
    return padded_row.unflattened(padded_row.flattened(batch, shape), shape)


@pytest.mark.parametrize("units", [(256, 32, 8), (16, 8, 2), (1, 1, 1)])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_padding_changes_neither_states_nor_gradients(
    name, units, tokenizer, examples, monkeypatch
):
    for unit, value in zip(("TOKENS", "LONGEST", "ROWS"), units, strict=True):
        monkeypatch.setattr(padded_row, unit, value)
    model, batch = make_family(name, tokenizer), pack(examples)
    forward = Forward(model, lambda given: packed_states(model, on_cpu(given)))
    wanted, found = Forward(model).answers(batch), forward.answers(batch)
    assert torch.allclose(found.logits, wanted.logits, rtol=CLOSE, atol=1e-4)
    losses = [answers.mean_nll() for answers in (found, wanted)]
    assert distance(gradients(model, losses[0]), gradients(model, losses[1])) < CLOSE


@pytest.mark.parametrize("name", ["llama", "gpt_neox"])
def test_padding_has_no_gradient_at_all(name, tokenizer, examples):
    """Whatever the padding's token: the gradients have the same bits."""
    model, found = make_family(name, tokenizer), []
    for token in (0, 5):
        batch = on_cpu(pack(examples))
        batch.ids[0, sum(map(len, examples)) - len(examples) :] = token
        places = pack(examples).predictors
        found.append(gradients(model, packed_states(model, batch)[places].square().sum()))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_a_shape_by_hand(examples):
    few = examples[:2]
    tokens = sum(len(example) - 1 for example in few)
    longest = max(len(example) - 1 for example in few)
    assert tokens < 256
    assert longest <= 32
    # Two sequences, up to 256 / 32 of padding: ten, and the next multiple of eight.
    assert padded_row.shape_of(pack(few)) == Shape(256, 16, 32)
    batch = on_cpu(pack(few))
    assert batch.ids.shape == batch.positions.shape == (1, 256)
    lengths = batch.packing.lengths.tolist()
    assert lengths[:2] == [len(example) - 1 for example in few]
    assert sum(lengths) == 256
    assert max(lengths[2:]) <= 32
    # Each token has one place, and no place has two.
    assert len(set(batch.packing.scatter.tolist())) == 256
    assert int(batch.packing.padding.sum()) == 16 * 32 - 256


def test_other_values_in_the_same_place_are_another_batch(model, examples):
    one, two = pack(examples[:3]), pack(examples[1:4])
    shape = max((padded_row.shape_of(b) for b in (one, two)), key=lambda s: s.tokens)
    values = padded_row.flattened(one, shape)
    before = packed_states(model, padded_row.unflattened(values, shape))
    values.copy_(padded_row.flattened(two, shape))
    after = packed_states(model, padded_row.unflattened(values, shape))
    for batch, states in ((one, before), (two, after)):
        plain = packed_states(model, batch)
        assert torch.allclose(states[: len(plain)], plain, rtol=CLOSE, atol=1e-5)


def test_what_has_a_mask_of_its_own_is_not_padded(examples):
    assert padded_row.fits(pack(examples))
    assert not padded_row.fits(padded(examples, range(len(examples)), 0))
