"""Configurations of others: sizes that cannot be built are refused, kernels never fetched."""

import json
import struct

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from lethe.common.errors import LetheError
from lethe.model import checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.checkpoint_check import check_given
from lethe.model.config_file import check_sizes


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A small model of others in a folder."""
    tokenizer = train_tokenizer(["Who is it? Ada."], 300)
    folder = tmp_path_factory.mktemp("foreign")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    config = LlamaConfig(
        vocab_size=len(tokenizer), num_attention_heads=2, num_key_value_heads=2, **sizes
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def changed(tiny):
    """Changes keys of the model's configuration for one test."""
    file = tiny / "config.json"
    before = file.read_text()

    def change(**keys):
        file.write_text(json.dumps(json.loads(before) | keys))
        return tiny

    yield change
    file.write_text(before)


@pytest.mark.parametrize(
    "keys",
    [
        {"_attn_implementation": "someone/kernel"},
        {"attn_implementation": "someone/kernel"},
        {"_attn_implementation_internal": "someone/kernel"},
        {"attn_implementation": {"": "someone/kernel"}},
        {"_attn_implementation": "msa|someone/kernel@main"},
        {"attn_implementation": "flash_attention_2"},
        {"_experts_implementation": "deepgemm"},
        {"experts_implementation": "deepgemm"},
        {"use_kernels": True, "kernel_config": {"kernel_mapping": {"RMSNorm": "someone/kernel"}}},
    ],
)
def test_a_kernel_that_a_configuration_names_is_not_fetched(changed, monkeypatch, keys):
    from transformers.integrations import hub_kernels

    def fetch(*args, **kwargs):
        raise AssertionError("a kernel was asked for")

    monkeypatch.setattr(hub_kernels, "get_kernel", fetch)
    monkeypatch.setattr(hub_kernels, "load_and_register_attn_kernel", fetch)
    model, _ = checkpoint.load(changed(**keys))
    assert model.config._attn_implementation.startswith("lethe")
    assert model.config._experts_implementation in (None, "eager", "grouped_mm", "batched_mm")


def test_hub_kernels_are_off_in_every_job():
    import os
    import subprocess
    import sys

    code = (
        "from lethe.common.torch_setup import set_up; set_up(1);"
        "from transformers.integrations import hub_kernels as h;"
        "assert h._TRANSFORMERS_USE_HUB_KERNELS == 'NO'"
    )
    environment = {**os.environ, "USE_HUB_KERNELS": "YES"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize("method", ["eetq", "fbgemm_fp8", "metal"])
def test_weights_that_only_the_hubs_code_reads_are_refused(changed, method):
    with pytest.raises(LetheError, match=f"packed by {method}.*never fetched; use the model's"):
        checkpoint.load(changed(quantization_config={"quant_method": method}))


@pytest.mark.parametrize(
    "keys",
    [
        {"num_hidden_layers": 10**6},
        {"num_hidden_layers": -1},
        {"num_hidden_layers": 1e300},
        {"text_config": {"n_layer": 10**9}},
        {"num_local_experts": 10**7},
        {"encoder_layers": 10**5},
    ],
)
def test_sizes_that_no_model_has_are_refused_before_anything_is_loaded(changed, keys):
    folder = changed(**keys)
    for call in (check_given, checkpoint.load):
        with pytest.raises(LetheError, match=r"configuration says \w+: .*; get the model again"):
            call(folder)


def test_layers_of_experts_are_counted_together():
    check_sizes({"num_hidden_layers": 61, "n_routed_experts": 256}, "m")
    check_sizes({"num_layers": 24, "num_experts": 2048}, "m")
    with pytest.raises(LetheError, match="5000 layers of 5000 experts"):
        check_sizes({"num_layers": 5000, "num_experts": 5000}, "m")


@pytest.mark.parametrize(
    "keys",
    [
        {"num_attention_heads": 0},
        {"hidden_size": "many"},
        {"vocab_size": 10**12},
        {"layer_types": 3},
        {"quantization_config": 3},
    ],
)
def test_a_configuration_that_transformers_stumbles_over_is_one_line(changed, keys):
    with pytest.raises(LetheError, match="cannot load the model") as error:
        checkpoint.load(changed(**keys))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 10**5, '{"a": ' + "9" * 5000 + "}"])
def test_a_malformed_configuration_of_others_is_not_said_to_be_made_again(changed, text):
    folder = changed()
    (folder / "config.json").write_text(text)
    with pytest.raises(LetheError, match=r"config\.json: .*get the model's config\.json") as error:
        check_given(folder)
    assert "made again" not in str(error.value)


def test_a_template_that_fails_is_told_before_the_weights_are_read(tiny, monkeypatch):
    def read(*args):
        raise AssertionError("the weights were read")

    monkeypatch.setattr(checkpoint, "_load_model", read)
    file = tiny / "chat_template.jinja"
    before = file.read_text() if file.exists() else None
    file.write_text("{{ 1 / 0 }}")
    with pytest.raises(LetheError, match=r"^template: .*division by zero.*choose another"):
        checkpoint.load(tiny, template="chat")
    # Another template does not read it.
    with pytest.raises(AssertionError, match="weights"):
        checkpoint.load(tiny, template="plain")
    file.unlink() if before is None else file.write_text(before)


def gguf(folder, *pairs: tuple[str, int, bytes], count: int | None = None):
    """A GGUF file of these keys, types and values."""
    body = b"".join(
        struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value
        for key, kind, value in pairs
    )
    file = folder / "model.gguf"
    head = struct.pack("<4sIQQ", b"GGUF", 3, 1, len(pairs) if count is None else count)
    file.write_bytes(head + body)
    return file


def test_a_gguf_file_of_a_million_layers_is_refused_before_it_is_read(tmp_path):
    text = struct.pack("<Q", 5) + b"llama"
    numbers = struct.pack("<IQ", 4, 2) + struct.pack("<II", 7, 8)
    texts = struct.pack("<IQ", 8, 1) + text
    before = (("general.architecture", 8, text), ("llama.attention.head_count", 9, numbers))
    layers = ("llama.block_count", 4, struct.pack("<I", 10**6))
    with pytest.raises(LetheError, match=r"says llama\.block_count: 1000000"):
        check_given(gguf(tmp_path, *before, layers))
    experts = ("llama.expert_count", 10, struct.pack("<Q", 10**12))
    with pytest.raises(LetheError, match=r"says llama\.expert_count: 1e\+12"):
        check_given(gguf(tmp_path, *before, experts))
    # The vocabulary comes after them and is not read; a file that is cut off says so when loaded.
    check_given(gguf(tmp_path, *before, ("tokenizer.ggml.tokens", 9, texts), layers))
    check_given(gguf(tmp_path, *before, count=2**63))
