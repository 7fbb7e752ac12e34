"""Trainings that are stopped anywhere go on and end in the same bits."""

import json
import os
import resource
import signal

import pytest
import torch
from helpers.killed_runs import RUNS, Killed, Run, weights
from helpers.small_models import make_family

from lethe.common.errors import LetheError
from lethe.model.cost import Meter
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.resume import TENSORS, VALUES, StateSaver
from lethe.train.settings import Schedule


@pytest.mark.parametrize("name", RUNS)
def test_a_method_killed_anywhere_ends_in_the_same_bits(name, tokenizer, encoder, pairs, tmp_path):
    """Losses, and the weights after every epoch."""
    whole = Run(name, tokenizer, encoder, pairs, tmp_path / "whole")
    whole.process(seconds=None)
    broken = Run(name, tokenizer, encoder, pairs, tmp_path / "broken")
    # Within an epoch, at its end, and once before anything new was saved.
    for dies_after in (2, 1, 2):
        with pytest.raises(Killed):
            broken.process(dies_after)
    broken.process()
    assert broken.losses == whole.losses
    assert broken.ends.keys() == whole.ends.keys() == {1, 2, 3}
    for epoch, (step, end) in whole.ends.items():
        assert broken.ends[epoch][0] == step
        assert torch.equal(broken.ends[epoch][1], end), epoch


def test_what_prepares_a_method_goes_on_too(tokenizer, encoder, pairs, tmp_path, monkeypatch):
    """Who's Harry Potter, killed while its reinforced copy learns; then learned labels are kept."""
    import lethe.train.finetune

    whole = Run("whp", tokenizer, encoder, pairs, tmp_path / "whole")
    whole.process(seconds=None)
    broken, told = Run("whp", tokenizer, encoder, pairs, tmp_path / "broken"), []

    def dying(model, examples, schedule, seed, report=None, how=None):
        def note(step, steps, loss):
            told.append(step)
            if len(told) == 3:
                raise Killed

        return fit(model, examples, schedule, seed, note, how)

    monkeypatch.setattr(lethe.train.finetune, "fit", dying)
    with pytest.raises(Killed):
        broken.process()
    with pytest.raises(Killed):
        broken.process(1)
    broken.process()
    # Six steps, of which the third came twice: it died before it was saved.
    assert told == [1, 2, 3, 3, 4, 5, 6]
    assert torch.equal(broken.ends[3][1], whole.ends[3][1])


FAST = Schedule(epochs=3, lr=5e-3, batch_size=3)


def dropping(tokenizer):
    """A model whose steps draw by chance."""
    model = make_family("llama", tokenizer)
    model.config.attention_dropout = 0.2
    for layer in model.get_decoder().layers:
        layer.self_attn.attention_dropout = 0.2
    return model


def train(model, examples, folder, signals=(), seconds=None, **given):
    """Nine steps; the process sends itself a signal after some of them."""
    told = []

    def report(step, steps, loss):
        told.append(step)
        if step in signals:
            os.kill(os.getpid(), signals[step])

    state_saver = StateSaver(folder, seconds, **given)
    fit(model, examples, FAST, 0, report, Execution(state_saver=state_saver))
    return told


def test_a_signal_saves_and_stops(tokenizer, examples, tmp_path):
    whole = dropping(tokenizer)
    train(whole, examples, tmp_path / "whole")
    before = signal.getsignal(signal.SIGTERM)
    for number, step in ((signal.SIGTERM, 2), (signal.SIGINT, 5)):
        model = dropping(tokenizer)
        with pytest.raises(LetheError, match=f"stopped after step {step}; run the same command"):
            train(model, examples, tmp_path / "state", {step: number})
        assert signal.getsignal(signal.SIGTERM) is before
    torch.rand(7)  # what else was drawn must not matter
    model = dropping(tokenizer)
    assert train(model, examples, tmp_path / "state") == [6, 7, 8, 9]
    assert torch.equal(weights(model), weights(whole))


def test_the_interval_is_kept(model, examples, tmp_path):
    train(model, examples, tmp_path, seconds=3600)
    assert list(tmp_path.iterdir()) == []
    train(model, examples, tmp_path, seconds=0)
    # One state at a time, of two plain files.
    (state,) = tmp_path.iterdir()
    assert sorted(file.name for file in state.iterdir()) == [TENSORS, VALUES]


def stopped(tokenizer, examples, folder, step=2):
    with pytest.raises(LetheError):
        train(make_family("llama", tokenizer), examples, folder, {step: signal.SIGTERM})
    (state,) = folder.iterdir()
    return state


@pytest.mark.parametrize("file", [TENSORS, VALUES])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_damaged_state_is_one_error_then_a_new_beginning(
    file, how, tokenizer, examples, tmp_path
):
    damaged = stopped(tokenizer, examples, tmp_path / "state") / file
    content = damaged.read_bytes()
    if how == "gone":
        damaged.unlink()
    elif how == "cut":
        damaged.write_bytes(content[:-100])
    else:
        damaged.write_bytes(content[:-100] + b"?" + content[-99:])
    model = make_family("llama", tokenizer)
    with pytest.raises(LetheError, match=r"save-1.* damaged .*from the beginning") as error:
        train(model, examples, tmp_path / "state")
    assert "\n" not in str(error.value)
    assert train(model, examples, tmp_path / "state") == list(range(1, 10))


def test_a_full_disk_leaves_the_state_before(tokenizer, examples, tmp_path):
    folder = tmp_path / "state"
    before = stopped(tokenizer, examples, folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(LetheError, match=r"cannot be saved.*goes on from the last") as error:
            train(make_family("llama", tokenizer), examples, folder, seconds=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(error.value)
    assert list(folder.iterdir()) == [before]
    model, whole = make_family("llama", tokenizer), make_family("llama", tokenizer)
    assert train(model, examples, folder) == list(range(3, 10))
    train(whole, examples, tmp_path / "whole")
    assert torch.equal(weights(model), weights(whole))


def test_what_a_stopped_process_spent_counts(tokenizer, examples, tmp_path):
    first = Meter()
    first.wall -= 100
    with pytest.raises(LetheError):
        train(make_family("llama", tokenizer), examples, tmp_path, {1: signal.SIGTERM}, meter=first)
    second = Meter()
    train(make_family("llama", tokenizer), examples, tmp_path, meter=second)
    assert 100 < second.read()["wall_seconds"] < 200


def test_a_state_is_plain(tokenizer, examples, tmp_path):
    """Values are JSON; the tensors are named, and every weight is among them."""
    from safetensors.torch import load_file

    state = stopped(tokenizer, examples, tmp_path / "state")
    values = json.loads((state / VALUES).read_text())
    assert values["states"]["training"]["optimiser/number"] == 2
    tensors = load_file(state / TENSORS)
    for name, parameter in make_family("llama", tokenizer).named_parameters():
        assert tensors[f"training/weights/{name}"].shape == parameter.shape
        assert f"training/optimiser/backpropagation/{name}/exp_avg_sq" in tensors


def test_a_state_waits_for_the_checkpoints_of_earlier_epochs(model, examples, tmp_path):
    """Otherwise a kill could lose a checkpoint that a resumed training does not make again."""
    saver, order = StateSaver(tmp_path, 0), []

    def finish():
        order.append(len(list(tmp_path.glob("save-*"))))

    with saver.after(finish):
        fit(model, examples, Schedule(epochs=2, batch_size=4), 0, how=Execution(None, saver))
    assert order == [0, 1, 1, 1]
    saver = StateSaver(tmp_path, 0)
    with saver.after(finish):
        pass
    assert saver.before == []
