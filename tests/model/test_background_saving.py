import os
import signal
import threading
import time

import pytest
import torch
from helpers.small_models import FAMILIES, SIZES, make_family
from transformers import AutoConfig, AutoModelForCausalLM

from lethe.model import checkpoint, checkpoint_record, precision, staged_checkpoint
from lethe.model.background_saving import BackgroundSaver
from lethe.model.settings import Compute

OPT = {"ffn_dim": 48, "word_embed_proj_dim": 32}


def bytes_of(folder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def change(model) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_weights_have_the_bytes_that_transformers_writes(name, tokenizer, tmp_path):
    model = make_family(name, tokenizer)
    checkpoint.save(tmp_path / "ours", model, tokenizer, {})
    model.save_pretrained(tmp_path / "theirs")
    ours, theirs = bytes_of(tmp_path / "ours"), bytes_of(tmp_path / "theirs")
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.parametrize(
    ("family", "sizes"), [("mixtral", {"num_local_experts": 4}), ("gpt2", {}), ("opt", OPT)]
)
def test_weights_that_transformers_renames_or_joins_have_its_bytes_too(
    family, sizes, tokenizer, tmp_path
):
    """Experts are joined when they are loaded; others tie or leave out some weights."""
    values = {**SIZES, "num_key_value_heads": 2, "eos_token_id": 1, "pad_token_id": 0, **sizes}
    config = AutoConfig.for_model(family, vocab_size=len(tokenizer), **values)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "start")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "start")
    change(model)
    checkpoint.save(tmp_path / "ours", model, tokenizer, {})
    model.save_pretrained(tmp_path / "theirs")
    ours, theirs = bytes_of(tmp_path / "ours"), bytes_of(tmp_path / "theirs")
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["llama", "qwen2"])
def test_the_bytes_are_those_of_the_moment_whatever_training_does_next(
    name, dtype, tokenizer, tmp_path, monkeypatch
):
    model = make_family(name, tokenizer).to(getattr(torch, dtype))
    precision.prepare(model, Compute(dtype=dtype).training("unlearn"), 0, "none")
    checkpoint.save(tmp_path / "at_once", model, tokenizer, {"epoch": 1})
    changed, finish = threading.Event(), staged_checkpoint.Staged.finish

    def late(staged):
        assert changed.wait(60)
        finish(staged)

    monkeypatch.setattr(staged_checkpoint.Staged, "finish", late)
    with BackgroundSaver(always=True) as saver:
        saver.save(tmp_path / "later", model, tokenizer, {"epoch": 1})
        change(model)
        assert not (tmp_path / "later").exists()
        changed.set()
    assert bytes_of(tmp_path / "later") == bytes_of(tmp_path / "at_once")
    with checkpoint_record.verifying(tmp_path / "later"):
        pass


def test_one_copy_at_a_time_and_each_epoch_is_whole(model, tokenizer, tmp_path, monkeypatch):
    held, most, copy = 0, [], staged_checkpoint.Staged.copy_weights
    finish = staged_checkpoint.Staged.finish

    def counted_copy(staged, places):
        nonlocal held
        held += 1
        most.append(held)
        copy(staged, places)

    def counted_finish(staged):
        nonlocal held
        finish(staged)
        held -= 1

    monkeypatch.setattr(staged_checkpoint.Staged, "copy_weights", counted_copy)
    monkeypatch.setattr(staged_checkpoint.Staged, "finish", counted_finish)
    with BackgroundSaver(always=True) as saver:
        for epoch in range(1, 5):
            saver.save(tmp_path / f"epoch{epoch}", model, tokenizer, {"epoch": epoch})
            change(model)
    assert most == [1, 1, 1, 1]
    digests = {checkpoint_record.digest(tmp_path / f"epoch{epoch}") for epoch in range(1, 5)}
    assert len(digests) == 4
    assert not list(tmp_path.glob(".epoch*"))


def failing(*_):
    raise OSError(28, "No space left on device")


def test_an_error_in_writing_is_raised_at_the_next_epoch_or_at_the_end(
    model, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setattr("lethe.model.weights_file.write", failing)
    with pytest.raises(OSError, match="No space"), BackgroundSaver(always=True) as saver:
        saver.save(tmp_path / "epoch1", model, tokenizer, {})
    with BackgroundSaver(always=True) as saver:
        saver.save(tmp_path / "epoch1", model, tokenizer, {})
        with pytest.raises(OSError, match="No space"):
            saver.save(tmp_path / "epoch2", model, tokenizer, {})
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_training_is_the_one_that_is_told(model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("lethe.model.weights_file.write", failing)

    def training():
        with BackgroundSaver(always=True) as saver:
            saver.save(tmp_path / "epoch1", model, tokenizer, {})
            raise ValueError("of the training")

    with pytest.raises(ValueError, match="of the training"):
        training()


def test_on_a_processor_it_saves_at_once(model, tokenizer, tmp_path):
    with BackgroundSaver() as saver:
        saver.save(tmp_path / "epoch1", model, tokenizer, {})
        assert (tmp_path / "epoch1" / "checkpoint.json").is_file()


def test_loading_is_tried_once_for_all_epochs_of_a_form(model, tokenizer, tmp_path, monkeypatch):
    tried, read = [], checkpoint._read_model
    monkeypatch.setattr(checkpoint, "_read_model", lambda *a, **k: tried.append(1) or read(*a, **k))
    for epoch in (1, 2):
        checkpoint.save(tmp_path / f"epoch{epoch}", model, tokenizer, {})
        change(model)
    assert len(tried) == 1
    model.to(torch.bfloat16)
    checkpoint.save(tmp_path / "other", model, tokenizer, {})
    assert len(tried) == 2


def test_weights_are_compared_from_the_smallest_on(model, tokenizer, tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "c", model, tokenizer, {})
    same, _ = checkpoint.load(tmp_path / "c")
    compared, equal = [], torch.equal

    def noted(one, other):
        compared.append(one.numel())
        return equal(one, other)

    monkeypatch.setattr(torch, "equal", noted)
    assert staged_checkpoint.same_weights(same, tmp_path / "c" / "model.safetensors")
    assert compared == sorted(compared)
    assert len(compared) > 5
    change(same)
    compared.clear()
    assert not staged_checkpoint.same_weights(same, tmp_path / "c" / "model.safetensors")
    assert compared == [min(p.numel() for p in same.parameters())]


@pytest.mark.parametrize("delay", [0, 0.003, 0.01, 0.02, 0.04])
def test_a_kill_leaves_whole_checkpoints_alone(delay, model, tokenizer, tmp_path):
    """Whatever has its name has all its bytes; the rest is hidden."""
    child = os.fork()
    if child == 0:
        with BackgroundSaver(always=True) as saver:
            for epoch in range(1, 10_000):
                saver.save(tmp_path / f"epoch{epoch}", model, tokenizer, {"epoch": epoch})
                change(model)
        os._exit(1)
    last = time.monotonic() + 120
    while not (tmp_path / "epoch2").exists() and time.monotonic() < last:
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    folders = list(tmp_path.glob("epoch*"))
    assert len(folders) >= 2
    for folder in folders:
        with checkpoint_record.verifying(folder):
            checkpoint.load_tokenizer(folder)
        assert checkpoint.origin(folder) == {"epoch": int(folder.name.removeprefix("epoch"))}
