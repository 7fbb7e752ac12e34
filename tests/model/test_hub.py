"""Models of the hub are checked before loading: what it refuses, has, or cannot be asked."""

import re
import shutil
import subprocess
import sys

import pytest
from helpers.local_hub import COMMIT, serving

from lethe.common.errors import LetheError
from lethe.model import checkpoint, checkpoint_check

NAME = "org/name"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub(cache, monkeypatch):
    """Serves what a test puts into its ``models``."""
    from huggingface_hub import constants

    with serving({}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


def keep_in(cache, folder):
    """The cache as a whole download of NAME leaves it."""
    model = cache / "models--org--name"
    shutil.copytree(folder, model / "snapshots" / COMMIT)
    (model / "refs").mkdir()
    (model / "refs/main").write_text(COMMIT, encoding="utf-8")
    return model / "snapshots" / COMMIT


def refusal(source: str = NAME) -> str:
    with pytest.raises(LetheError) as caught:
        checkpoint_check.check_hub(source)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("gated", "it is gated; accept its licence on the hub"),
        ("gated_anonymous", "it is gated; accept its licence on the hub"),
        ("missing", "the hub has no such model, or it is private: hf auth login"),
        ("private", "the hub has no such model, or it is private: hf auth login"),
        ("denied", "the hub refuses it (403); log in"),
        ("unknown", "the hub has no such model"),
        ("broken", "the hub answers 500; try again later"),
    ],
)
def test_what_the_hub_refuses_is_known_before_loading(hub, kind, words):
    hub.models[NAME] = kind
    assert words in refusal()


def test_a_model_that_can_be_had_passes_and_is_not_downloaded(hub, cache, foreign):
    hub.models[NAME] = foreign
    checkpoint_check.check_hub(NAME)
    assert not any("safetensors" in path for path in hub.asked)
    assert not list(cache.rglob("*.json"))


@pytest.mark.parametrize(
    ("without", "instead", "words"),
    [
        ("model.safetensors", "pytorch_model.bin", "pytorch_model.bin is a pickle"),
        ("model.safetensors", "model.Q4.gguf", "for its GGUF file write org/name/model.Q4.gguf"),
        ("config.json", "params.json", "no config.json"),
        ("tokenizer.json", "words.txt", "no tokenizer"),
    ],
)
def test_files_that_loading_would_miss_are_named(hub, foreign, without, instead, words):
    (foreign / without).rename(foreign / instead)
    hub.models[NAME] = foreign
    assert words in refusal()


def test_a_gguf_file_must_be_among_the_models_files(hub, foreign):
    (foreign / "small.gguf").write_bytes(b"GGUF")
    hub.models[NAME] = foreign
    checkpoint_check.check_hub(f"{NAME}/small.gguf")
    assert "has no large.gguf" in refusal(f"{NAME}/large.gguf")


def test_adapters_here_ask_for_their_base_there(hub, tmp_path):
    (tmp_path / "adapter_config.json").write_text(f'{{"base_model_name_or_path": "{NAME}"}}')
    hub.models[NAME] = "gated"
    with pytest.raises(LetheError, match=f"^{NAME}: .* gated"):
        checkpoint_check.check_hub(tmp_path)


# --- without the hub ---


@pytest.fixture(params=["offline", "unreachable"])
def no_hub(cache, monkeypatch, request):
    from huggingface_hub import constants

    if request.param == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    else:
        # Nothing answers at this port.
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return cache


def test_what_is_not_in_the_cache_is_refused_without_the_hub(no_hub):
    message = refusal()
    assert "the hub cannot be reached and its cache lacks the model" in message
    assert re.search(r"hf download.*name a local folder", message)


def test_a_half_downloaded_model_is_refused_without_the_hub(no_hub, foreign):
    (keep_in(no_hub, foreign) / "model.safetensors").unlink()
    assert "its cache lacks the model" in refusal()


def test_a_cached_model_needs_no_hub(no_hub, foreign):
    keep_in(no_hub, foreign)
    checkpoint_check.check_hub(NAME)


def test_a_cached_model_is_not_asked_for(hub, cache, foreign):
    keep_in(cache, foreign)
    hub.models[NAME] = "gated"
    checkpoint_check.check_hub(NAME)
    assert hub.asked == []


def test_local_models_do_not_even_load_the_hubs_library(foreign):
    call = (
        "import sys; from lethe.pipeline.external_checkpoints import check_hub;"
        "check_hub({sys.argv[1]: 'path'});"
        "sys.exit('huggingface_hub' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", call, str(foreign)], check=False).returncode == 0


@pytest.mark.parametrize("bare", [False, True])
def test_adapters_on_the_hub_are_merged_as_those_in_a_folder(hub, foreign, bare, tmp_path):
    """transformers would put them into the model unmerged, and save them alone."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(foreign), config)
    model.save_pretrained(tmp_path / "adapters")
    if not bare:
        shutil.copy(foreign / "tokenizer.json", tmp_path / "adapters")
    hub.models[NAME] = tmp_path / "adapters"
    found, tokenizer = checkpoint.load(NAME)
    here, _ = checkpoint.load(tmp_path / "adapters")
    wanted = dict(here.named_parameters())
    assert {name for name, _ in found.named_parameters()} == set(wanted)
    assert all(value.equal(wanted[name]) for name, value in found.named_parameters())
    assert len(tokenizer) == len(checkpoint.load_tokenizer(foreign))
