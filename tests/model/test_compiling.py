"""Compiled layers, with a stand-in for the compiler or its first half; the rest needs a GPU.

What a GPU alone can show is in tests/train/test_gpu.py.
"""

import copy
import os
from pathlib import Path

import pytest
import torch
from helpers.small_models import gradients, make_family

from lethe.model import attached, compiling
from lethe.model.batch import pack
from lethe.model.forward import Forward


def loss(model, examples) -> torch.Tensor:
    return Forward(model).answers(pack(examples)).mean_nll()


@pytest.fixture
def calls(monkeypatch) -> list:
    """The options of each compilation, and True for each call of something compiled."""
    seen = []

    def stand_in(function, **given):
        seen.append(given)
        return lambda *args, **kwargs: seen.append(True) or function(*args, **kwargs)

    monkeypatch.setattr(torch, "compile", stand_in)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    return seen


def test_only_passes_with_gradients_run_compiled(calls, tokenizer, examples):
    model = make_family("llama", tokenizer)
    wanted = gradients(model, loss(model, examples))
    compiling.compile_layers(model)
    layers = len(model.model.layers)
    assert [given["dynamic"] for given in calls] == [True] * layers
    found = gradients(model, loss(model, examples))
    assert calls[layers:] == [True] * layers
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    with torch.inference_mode():
        loss(model, examples)
    assert len(calls) == 2 * layers


def test_a_layer_with_a_hook_runs_as_it_is(calls, tokenizer, examples):
    """Compiled code would not know of it: a gradient mask or an attack would be lost."""
    model = make_family("llama", tokenizer)
    compiling.compile_layers(model)
    layers, seen = model.model.layers, []
    hook = layers[0].mlp.register_forward_hook(lambda *_: seen.append(1))
    loss(model, examples)
    assert (len(seen), calls[len(layers) :]) == (1, [True] * (len(layers) - 1))
    hook.remove()
    loss(model, examples)
    assert len(seen) == 1
    assert calls[len(layers) :] == [True] * (2 * len(layers) - 1)


def test_copies_and_weights_are_those_of_a_plain_model(calls, tokenizer, examples):
    model = make_family("llama", tokenizer)
    names = set(model.state_dict())
    compiling.compile_layers(model)
    assert set(model.state_dict()) == names
    loss(copy.deepcopy(model), examples)
    assert True not in calls


def test_kernels_are_not_chosen_by_their_time(calls, tokenizer):
    compiling.compile_layers(make_family("llama", tokenizer))
    assert calls[0]["options"] == {"deterministic": True}


def test_compiled_code_is_kept_in_a_folder_of_the_user(calls, tokenizer, tmp_path, monkeypatch):
    model = make_family("llama", tokenizer)
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiling.compile_layers(model)
    folder = tmp_path / "lethe" / "compiled"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    compiling.compile_layers(model)
    other = Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
    assert other.stat().st_mode & 0o777 == 0o700
    other.rmdir()


def test_reasons_are_told(tokenizer, caplog):
    model = make_family("llama", tokenizer)
    caplog.set_level("INFO")
    compiling.choose(model, 10**9)
    assert not caplog.text
    attached.update_model(model, compile=True)
    compiling.choose(model, 1)
    assert "compiled layers: off (no GPU)" in caplog.text
    assert model.model.layers[0]._compiled_call_impl is None


def test_what_repays_it(tokenizer, monkeypatch):
    """Steps times weights decide, unless it is asked for; then whatever forbids it."""
    model = make_family("llama", tokenizer)
    monkeypatch.setattr(type(model), "device", torch.device("cuda"))
    monkeypatch.setattr(compiling, "WORTH", 10 * sum(p.numel() for p in model.model.parameters()))
    monkeypatch.setattr(compiling.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert compiling.reason_against(model, 9) == "9 steps do not repay it"
    assert compiling.reason_against(model, 10) is None
    attached.update_model(model, compile=True)
    assert compiling.reason_against(model, 1) is None
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    assert compiling.reason_against(model, 1) == "no C compiler"


def test_one_graph_serves_all_layers_and_lengths(tokenizer, examples, monkeypatch):
    """No break and no second compilation; numbers to the bit those without."""
    from torch._dynamo.utils import counters

    compiler = torch.compile

    def first_half(function, **given):
        given.pop("options")
        return compiler(function, backend="eager", fullgraph=True, **given)

    model = make_family("llama_gqa", tokenizer)
    batches = [examples, examples[1:], examples * 2]
    wanted = [gradients(model, loss(model, some)) for some in batches]
    monkeypatch.setattr(torch, "compile", first_half)
    counters.clear()
    compiling.compile_layers(model)
    for some, values in zip(batches, wanted, strict=True):
        found = gradients(model, loss(model, some))
        assert all(torch.equal(found[name], values[name]) for name in values)
    assert counters["stats"]["unique_graphs"] <= 2
