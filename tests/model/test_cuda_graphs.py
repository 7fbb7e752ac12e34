"""Recorded passes, with a stand-in for the GPU's recordings: one that computes again.

What a GPU alone can show is in tests/train/test_gpu.py.
"""

import dataclasses
from functools import partial

import pytest
import torch
from helpers.small_models import CLOSE, distance, gradients, make_family

from lethe.common.errors import LetheError
from lethe.model import attached, cuda_graphs, padded_row
from lethe.model.batch import pack
from lethe.model.cost import Meter, watch
from lethe.model.cuda_graphs import Graphs, Recording, choose, reason_against
from lethe.model.forward import Forward, packed_states
from lethe.train.finetune import fit
from lethe.train.settings import Schedule


class Again:
    """A recording of a function that is run at each replay."""

    def __init__(self, run):
        self.replay = run


def stand_in(graphs: Graphs, shape, learning: bool, values, pool: int) -> Recording:
    """As ``Graphs._record``: fixed places for inputs and outputs, and each pool's activations."""
    inputs, token = values.clone(), attached.TALLY.set(None)
    states = graphs.compute(padded_row.unflattened(inputs, shape)).detach()
    attached.TALLY.reset(token)
    held = graphs.pools.setdefault(pool, {})

    def forward():
        hidden = attached.TALLY.set(None)
        with torch.set_grad_enabled(learning):
            held["states"] = graphs.compute(padded_row.unflattened(inputs, shape))
        attached.TALLY.reset(hidden)
        states.copy_(held["states"].detach())

    recording = Recording(pool, inputs, Again(forward), states)
    if learning:
        recording.gradient = torch.zeros_like(states)
        recording.gradients = graphs.gradient_places()

        def backward():
            found = cuda_graphs.gradients(held["states"], graphs.parameters, recording.gradient)
            cuda_graphs.copied(found, recording.gradients)

        recording.backward = Again(backward)
    return recording


@pytest.fixture
def recorded(monkeypatch, tokenizer):
    monkeypatch.setattr(Graphs, "_record", stand_in)
    model = make_family("llama_gqa", tokenizer)
    graphs = Graphs(model, partial(packed_states, model))
    return model, graphs, Forward(model, graphs)


def test_numbers_and_gradients_are_those_of_a_plain_pass(recorded, examples):
    model, graphs, forward = recorded
    plain = Forward(model)
    for turn in range(3):
        graphs.begin()
        batches = [pack(examples[:4]), pack(examples[3:])]
        found, wanted = (sum(f.answers(b).mean_nll() for b in batches) for f in (forward, plain))
        assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=CLOSE)
        assert distance(gradients(model, found), gradients(model, wanted)) < CLOSE, turn
    # Both batches have one shape: it is recorded when it comes again, and once for each that waits.
    assert [len(some) for some in graphs.recordings.values()] == [2]


def test_passes_of_any_shapes_may_wait_together(recorded, examples):
    """A pass must not run in memory where another waits for its gradient."""
    model, graphs, forward = recorded
    plain = Forward(model)
    batches = [pack(examples[:count] * times) for count, times in ((1, 1), (4, 3), (7, 9))]
    assert len({padded_row.shape_of(batch) for batch in batches}) == 3

    def loss(of, number):
        return (number + 1) * of.answers(batches[number]).mean_nll()

    for number in (0, 1, 2, 0, 1, 2):
        graphs.begin()
        gradients(model, loss(forward, number))
    assert {some.pool for known in graphs.recordings.values() for some in known} == {0}
    wanted = gradients(model, sum(loss(plain, number) for number in range(3)))
    for order in [(0, 1, 2), (2, 1, 0), (1, 0, 2)]:
        graphs.begin()
        assert distance(gradients(model, sum(loss(forward, n) for n in order)), wanted) < CLOSE
    with torch.no_grad():
        found = [forward.answers(batches[1]).mean_nll() for _ in range(3)]
    assert len(set(map(float, found))) == 1


def test_a_gradient_that_comes_too_late_is_an_error(recorded, examples):
    _, graphs, forward = recorded
    for _ in range(2):
        graphs.begin()
        loss = forward.answers(pack(examples)).mean_nll()
        loss.backward()
    late = forward.answers(pack(examples)).mean_nll()
    graphs.begin()
    forward.answers(pack(examples)).mean_nll().backward()
    with pytest.raises(LetheError, match="its activations are gone; set cuda_graphs to false"):
        late.backward()


def test_frozen_weights_have_no_gradient_and_moved_ones_are_recorded_anew(recorded, examples):
    model, graphs, forward = recorded
    frozen = next(model.get_decoder().layers.parameters())
    frozen.requires_grad_(False)
    for _ in range(3):
        graphs.begin()
        found = gradients(model, forward.answers(pack(examples)).mean_nll())
    assert len(found) == sum(p.requires_grad for p in model.parameters())
    before = graphs.recordings
    model.get_decoder().layers[0].mlp.up_proj.weight.data = torch.zeros_like(
        model.get_decoder().layers[0].mlp.up_proj.weight
    )
    assert (
        distance(
            gradients(model, forward.answers(pack(examples)).mean_nll()),
            gradients(model, Forward(model).answers(pack(examples)).mean_nll()),
        )
        < CLOSE
    )
    assert graphs.recordings is not before


def test_passes_are_counted_where_they_are_replayed(recorded, examples):
    model, graphs, forward = recorded
    watch(model)
    with Meter() as meter:
        for _ in range(4):
            graphs.begin()
            forward.answers(pack(examples)).mean_nll().backward()
    assert (meter.tally.forward_passes, meter.tally.backward_passes) == (4, 4)
    tokens = padded_row.shape_of(pack(examples)).tokens
    assert meter.tally.forward_tokens == meter.tally.backward_tokens == 4 * tokens


def test_what_cannot_be_recorded_is_computed_as_padded(recorded, examples, monkeypatch, caplog):
    model, graphs, forward = recorded
    caplog.set_level("INFO")

    def refused(*given):
        tried.append(given)
        raise RuntimeError("operation not permitted when stream is capturing\nand so on")

    tried: list = []
    monkeypatch.setattr(graphs, "_record", refused)
    wanted = gradients(model, Forward(model).answers(pack(examples)).mean_nll())
    for _ in range(4):
        graphs.begin()
        found = gradients(model, forward.answers(pack(examples)).mean_nll())
        assert distance(found, wanted) < CLOSE
    assert len(tried) == 1
    assert "no more (operation not permitted when stream is capturing)" in caplog.text


def test_parameters_have_twins_of_the_same_memory_within_the_block(tokenizer, examples):
    """Gradients of a pass in it are those of others, and no node of the parameters is used."""
    model = make_family("llama", tokenizer)
    decoder = model.get_decoder()
    names = dict(decoder.named_parameters())
    names["norm.weight"].requires_grad_(False)
    wanted = gradients(model, packed_states(model, pack(examples)).square().sum())
    model.zero_grad()
    with cuda_graphs.own_leaves(decoder) as twins:
        inside = dict(decoder.named_parameters())
        packed_states(model, pack(examples)).square().sum().backward()
    assert dict(decoder.named_parameters()) == names
    for name, p in names.items():
        assert inside[name] is twins[id(p)]
        assert inside[name].data_ptr() == p.data_ptr()
        assert inside[name].requires_grad == p.requires_grad
        assert p.grad is None
        if p.requires_grad:
            assert torch.equal(inside[name].grad, wanted[f"model.{name}"])


def test_two_recordings_share_the_memory_of_gradients(recorded, examples):
    _, graphs, forward = recorded
    for some in (examples, examples * 4) * 3:
        graphs.begin()
        forward.answers(pack(some)).mean_nll().backward()
    first, second = (known[0] for known in graphs.recordings.values())
    assert first is not second
    assert all(a is b for a, b in zip(first.gradients, second.gradients, strict=True))


def test_memory_that_recordings_need(tokenizer):
    model = make_family("llama", tokenizer)
    count = sum(p.numel() for p in model.parameters())
    assert cuda_graphs.kept_bytes(model) == 24 * count
    model.requires_grad_(False)
    assert cuda_graphs.kept_bytes(model.bfloat16()) == 2 * count


def test_a_pass_with_hooks_or_other_keys_is_not_replayed(recorded, examples):
    """A replay would compute without them, and nobody would know."""
    model, graphs, _ = recorded
    batch = pack(examples)
    for _ in range(2):
        assert graphs(batch) is not None
    exchanged = dataclasses.replace(batch.packing, exchange=lambda key, value: (key, value))
    assert graphs(dataclasses.replace(batch, packing=exchanged)) is None
    hook = model.model.layers[0].self_attn.register_forward_pre_hook(lambda *_: None)
    assert graphs(batch) is None
    hook.remove()
    assert graphs(batch) is not None


def test_a_large_pass_runs_as_usual(recorded, examples, monkeypatch):
    _, graphs, _ = recorded
    monkeypatch.setattr(cuda_graphs, "WORK", 1000)
    assert graphs(pack(examples)) is None


def test_training_with_them(tokenizer, examples, monkeypatch):
    """Near the training without; off, and without a word, unless they are asked for."""
    losses = {}
    for asked in (False, True):
        model = make_family("llama", tokenizer)
        attached.update_model(model, cuda_graphs=asked)
        monkeypatch.setattr(Graphs, "_record", stand_in)
        if asked:
            monkeypatch.setattr(cuda_graphs, "reason_against", lambda model, steps: None)
        assert (choose(model, 100, partial(packed_states, model)) is not None) == asked
        told = losses.setdefault(asked, [])
        schedule = Schedule(epochs=4, lr=5e-3, batch_size=3, warmup_epochs=0)
        fit(model, examples, schedule, 0, lambda *step, told=told: told.append(step[2]))
    assert losses[True] == pytest.approx(losses[False], rel=1e-3)
    assert losses[True] != losses[False]


def test_reasons_are_told(model, caplog):
    assert reason_against(model, 100) == "no GPU"
    attached.update_model(model, cuda_graphs=True)
    caplog.set_level("INFO")
    assert choose(model, 100, partial(packed_states, model)) is None
    assert "CUDA graphs: off (no GPU)" in caplog.text
    attached.update_model(model, cuda_graphs=False)
