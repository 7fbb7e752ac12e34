"""Changes of weights and outputs, layer by layer, against made ones and against transformers."""

import copy

import pytest
import torch

from lethe.model import layer_changes
from lethe.model.encoder import Example


def layer_of(width=3):
    """A stand-in for a layer: weights that can be set."""
    torch.manual_seed(0)
    return torch.nn.Linear(width, width)


def test_alignment_is_the_cosine_of_two_changes():
    zero = layer_of()
    one, undone, further, aside = (copy.deepcopy(zero) for _ in range(4))
    with torch.no_grad():
        one.weight[0] += 1
        undone.weight[0] += 0.5
        further.weight[0] += 2
        aside.load_state_dict(one.state_dict())
        aside.weight[1] += 1
    assert layer_changes.alignment(zero, one, undone) == pytest.approx(-1)
    assert layer_changes.alignment(zero, one, further) == pytest.approx(1)
    assert layer_changes.alignment(zero, one, aside) == pytest.approx(0, abs=1e-6)
    assert layer_changes.alignment(zero, one, one) == 0


def test_overlap_of_spans():
    torch.manual_seed(0)
    q = torch.linalg.qr(torch.randn(6, 6)).Q
    rows = torch.randn(20, 2)
    same = layer_changes.overlap(rows @ q[:2], torch.randn(20, 2) @ q[:2], 2)
    half = layer_changes.overlap(rows @ q[:2], torch.randn(20, 2) @ q[1:3], 2)
    none = layer_changes.overlap(rows @ q[:2], torch.randn(20, 2) @ q[3:5], 2)
    assert (same, half, none) == pytest.approx((1, 0.5, 0), abs=1e-5)
    # More components than there are directions: those that there are.
    assert layer_changes.overlap(rows @ q[:2], rows @ q[:2], 8) == pytest.approx(1)
    assert layer_changes.overlap(rows @ q[:2], 0 * rows @ q[:2], 2) == 0


def test_outputs_are_those_of_transformers_at_the_same_tokens(model):
    """Row by row without packing; the last layer's are normalised there, and left out here."""
    rows = [[5, 6, 7, 8, 9], [3, 4, 5], [9, 8, 7, 6, 5, 4, 3]]
    examples = [Example(ids, start) for ids, start in zip(rows, (2, 1, 5), strict=True)]
    answers = layer_changes.outputs(model, examples, "answer", rows=2)
    ends = layer_changes.outputs(model, examples, "prompt_end", rows=2)
    first = next(iter(answers))
    with torch.no_grad():
        states = [
            model(torch.tensor([one.ids]), output_hidden_states=True).hidden_states[1][0]
            for one in examples
        ]
    wanted = [s[e.start - 1 : len(e.ids) - 1] for s, e in zip(states, examples, strict=True)]
    torch.testing.assert_close(answers[first], torch.cat(wanted), atol=1e-5, rtol=1e-4)
    last = torch.stack([s[e.start - 1] for s, e in zip(states, examples, strict=True)])
    torch.testing.assert_close(ends[first], last, atol=1e-5, rtol=1e-4)
    assert list(answers) == list(layer_changes.layers_by_name(model))


def test_shifts_of_a_model_to_itself_are_zero(model):
    found = layer_changes.shifts(model, model, [Example([5, 6, 7], 1)], "prompt_end")
    assert all(shift.shape[0] == 1 and not shift.any() for shift in found.values())
