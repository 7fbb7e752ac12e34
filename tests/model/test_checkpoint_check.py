"""Checkpoints that others made: folders, GGUF files, hub ids; and what is refused of them."""

import json

import pytest
import torch
from helpers.small_models import make_family
from helpers.tiny_gguf import write_gguf

from lethe.common.errors import LetheError
from lethe.model import checkpoint, checkpoint_check
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward


@pytest.fixture(scope="module")
def llama(tokenizer):
    return make_family("llama_gqa", tokenizer)


@pytest.fixture(scope="module")
def gguf(llama, tokenizer, tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", llama, tokenizer)


def refusal(call, source) -> str:
    """The one line with which a source is refused; it begins with the source."""
    with pytest.raises(LetheError) as caught:
        call(source)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert "\n" not in message
    return message


# --- GGUF ---


@torch.no_grad()
def test_gguf_gives_the_model_that_was_written(gguf, llama, examples):
    model, _ = checkpoint.load(gguf)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    batch = pack(examples)
    # Float32 was written and read: the same numbers, whatever the order of the heads' rows was.
    assert torch.equal(Forward(model).all_logits(batch), Forward(llama).all_logits(batch))


def test_gguf_gives_the_tokenizer_that_was_written(gguf, examples, pairs):
    tokenizer = checkpoint.load_tokenizer(gguf)
    assert Encoder(tokenizer, "chat", 96).encode_all(pairs) == examples


@torch.no_grad()
def test_a_converted_gguf_is_a_checkpoint_like_any_other(gguf, llama, examples, tmp_path):
    checkpoint.save(tmp_path / "base", *checkpoint.load(gguf), {"stage": "import"})
    model, _ = checkpoint.load(tmp_path / "base")
    batch = pack(examples)
    assert torch.equal(Forward(model).all_logits(batch), Forward(llama).all_logits(batch))
    assert "gguf" not in (tmp_path / "base/config.json").read_text(encoding="utf-8")
    assert checkpoint.origin(tmp_path / "base") == {"stage": "import"}


def test_a_gguf_without_tokenizer_is_one_line(llama, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.tiny_gguf._add_tokenizer", lambda writer, tokenizer: None)
    bare = write_gguf(tmp_path / "bare.gguf", llama, tokenizer)
    assert "cannot load the tokenizer" in refusal(checkpoint.load, bare)


def test_what_is_named_gguf_and_is_none_is_refused(tmp_path):
    file = tmp_path / "x.gguf"
    file.write_bytes(b"<html>not found</html>")
    assert "not a GGUF file" in refusal(checkpoint_check.check_given, file)
    file.write_bytes(b"GGUF and then nothing that is one")
    assert "cannot load the" in refusal(checkpoint.load, file)


def test_a_folder_with_a_gguf_file_alone_says_how_to_name_it(gguf):
    assert refusal(checkpoint_check.check_given, gguf.parent).endswith(f"write {gguf}")


# --- folders ---


@torch.no_grad()
def test_a_folder_of_others_is_loaded(foreign, model, examples, pairs):
    checkpoint_check.check_given(foreign)
    again, tokenizer = checkpoint.load(foreign)
    batch = pack(examples)
    assert torch.equal(Forward(again).all_logits(batch), Forward(model).all_logits(batch))
    assert Encoder(tokenizer, "chat", 96).encode_all(pairs) == examples
    assert checkpoint.origin(foreign) == {}


def test_pickles_are_refused_by_name(foreign, model):
    (foreign / "model.safetensors").unlink()
    torch.save(model.state_dict(), foreign / "pytorch_model.bin")
    message = refusal(checkpoint_check.check_given, foreign)
    assert "pytorch_model.bin is a pickle" in message
    assert "convert it to safetensors" in message


def test_a_pickle_beside_safetensors_is_not_read(foreign, model):
    """It would fail to load, had anything opened it."""
    (foreign / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nabort\n(tR.")
    checkpoint.load(foreign)


def test_a_pickle_is_not_read_for_want_of_the_model_as_safetensors(foreign, model):
    """Safetensors of another kind (an adapter, say) are there, and the pickle is a whole model."""
    (foreign / "model.safetensors").rename(foreign / "adapter_model.safetensors")
    torch.save(model.state_dict(), foreign / "pytorch_model.bin")
    assert "cannot load the model" in refusal(checkpoint.load, foreign)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.safetensors", "no weights as safetensors"),
        ("config.json", "no config.json"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_what_a_folder_lacks_is_named_before_anything_is_loaded(foreign, name, words):
    (foreign / name).unlink()
    assert words in refusal(checkpoint_check.check_given, foreign)
    assert words in refusal(checkpoint.load, foreign)


def test_missing_parts_of_the_weights_are_named(foreign):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (foreign / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert "model-2.safetensors missing" in refusal(checkpoint_check.check_given, foreign)


def test_weights_of_another_shape_are_one_line(foreign):
    config = json.loads((foreign / "config.json").read_text(encoding="utf-8"))
    config["hidden_size"] *= 2
    (foreign / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "cannot load the model" in refusal(checkpoint.load, foreign)


def test_missing_weights_are_not_drawn_at_random(foreign):
    from safetensors.torch import load_file, save_file

    weights = load_file(foreign / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, foreign / "model.safetensors", metadata={"format": "pt"})
    message = refusal(checkpoint.load, foreign)
    assert "no weights model.layers.1.mlp.up_proj.weight (1 missing)" in message


def test_weights_of_further_layers_are_not_left_out(foreign):
    """A model without its last layer gives numbers, and transformers only warns."""
    config = json.loads((foreign / "config.json").read_text())
    config["num_hidden_layers"] -= 1
    (foreign / "config.json").write_text(json.dumps(config))
    message = refusal(checkpoint.load, foreign)
    assert "config.json describes a smaller model than its weights" in message
    assert "without model.layers.1." in message


def test_a_configuration_that_fails_its_own_checks_is_one_line(foreign):
    config = json.loads((foreign / "config.json").read_text(encoding="utf-8"))
    config["hidden_size"] = "wide"
    (foreign / "config.json").write_text(json.dumps(config), encoding="utf-8")
    message = refusal(checkpoint.load, foreign)
    assert "config.json" in message
    assert "hidden_size" in message or "wide" in message


def test_code_that_comes_with_a_model_is_never_run(foreign, tmp_path):
    mark = tmp_path / "ran"
    (foreign / "own.py").write_text(f"open({str(mark)!r}, 'w')\n", encoding="utf-8")
    config = json.loads((foreign / "config.json").read_text(encoding="utf-8"))
    config["model_type"] = "of_their_own"
    config["auto_map"] = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    (foreign / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "code of its own, which is never run" in refusal(checkpoint.load, foreign)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["no/such/folder", "./nowhere", "../nowhere", "models/x.gguf"])
def test_a_path_that_is_not_there_is_refused_at_once(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no such checkpoint" in refusal(checkpoint_check.check_given, name)


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    assert "neither a folder nor a GGUF file" in refusal(checkpoint_check.check_given, file)


# --- the hub ---


@pytest.mark.parametrize("name", ["gpt2", "meta-llama/Llama-3.2-1B", "org/name/file.Q4_1.gguf"])
def test_hub_ids_are_left_to_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint_check.check_given(name)


def test_a_folder_here_comes_before_the_hub(foreign, monkeypatch):
    monkeypatch.chdir(foreign.parent.parent)
    name = f"{foreign.parent.name}/{foreign.name}"
    (foreign / "config.json").unlink()
    assert "no config.json" in refusal(checkpoint_check.check_given, name)


def _error(kind, status: int):
    from huggingface_hub.utils import httpx

    request = httpx.Request("GET", "https://huggingface.co/org/name/resolve/main/config.json")
    response = httpx.Response(status, request=request)
    return kind("Access to model org/name is restricted.\nSecond line.", response=response)


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("GatedRepoError", 403, "it is gated; accept its licence on the hub"),
        ("RepositoryNotFoundError", 401, "the hub has no such model"),
    ],
)
def test_what_the_hub_refuses_is_one_line(kind, status, words, monkeypatch):
    """The hub's own errors, raised where transformers downloads a file."""
    import huggingface_hub.errors
    import transformers.utils.hub

    error = _error(getattr(huggingface_hub.errors, kind), status)

    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(transformers.utils.hub, "hf_hub_download", refuse)
    monkeypatch.setattr(transformers.utils.hub, "snapshot_download", refuse)
    # Adapters are looked for first: the model has none, and nobody is asked.
    monkeypatch.setattr(checkpoint.hub, "downloaded", lambda *args: None)
    assert words in refusal(checkpoint.load, "org/name")


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "name a local folder" in refusal(checkpoint.load, "org/that-is-not-cached")
