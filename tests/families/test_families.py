"""Every family of causal language models: right numbers, or one line that refuses it.

``docs/families.md`` says of each what becomes of it; a family that stands there wrongly, or not at
all, fails.
"""

import pytest
import torch
from helpers import families_table
from helpers.family_outcomes import REFUSED, examine, tokenizer
from helpers.tiny_families import class_of, names

from lethe.common.torch_setup import set_up

# One of each way to mix tokens, and those that once were wrong without a word.
USUAL = [
    "bart",  # a decoder that has an encoder elsewhere
    "bert",  # an encoder that decodes
    "bloom",  # alibi
    "deepseek_v32",  # an indexer chooses what is seen
    "doge",  # a mask of its own
    "falcon",
    "gemma2",  # capped scores
    "gemma3",  # a text model inside another
    "gpt2",
    "gpt2/ends",
    "gpt_oss",  # attention sinks
    "gptj",
    "lfm2",  # convolutions
    "llama",
    "llama/dynamic-rope",
    "llama4",  # attention in chunks
    "mamba",
    "mamba2",
    "mistral",  # a window
    "mpt",
    "opt/ends",
    "phimoe",
    "phimoe/longrope",
    "phimoe/window",
    "qwen2_moe",  # a window of 0 is none
    "qwen2_moe/window",
    "qwen3_next",  # a delta rule
    "roberta",  # positions that do not begin at 0
    "stablelm",
    "xlnet",  # sees what comes later
]


def check(name: str, folder) -> None:
    """What becomes of a family is what the page says."""
    said = families_table.rows().get(name)
    assert said, f"{name}: not in docs/families.md; run helpers/families_table.py {name}"
    outcome = examine(name, tokenizer(), folder)
    assert said == (class_of(name), outcome.kind, outcome.how)


@pytest.mark.parametrize("name", USUAL)
def test_usual_families(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.gpu
@pytest.mark.parametrize("name", USUAL)
def test_usual_families_on_a_gpu(name, tmp_path):
    """Right there, too; which way is taken may differ, since it is probed on the device."""
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    set_up(1, "cuda")
    said = families_table.rows()[name]
    outcome = examine(name, tokenizer(), tmp_path, device="cuda")
    assert (outcome.kind == REFUSED) == (said[1] == REFUSED)
    if outcome.how != said[2]:
        print(f"{name}: {outcome.how}, on a CPU {said[2]}")


@pytest.mark.families
@pytest.mark.parametrize("name", [name for name in names() if name not in USUAL])
def test_other_families(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.families
@pytest.mark.parametrize("name", ["falcon", "gemma2", "gpt_oss", "llama", "mamba", "phimoe/window"])
def test_eager_attention_gives_the_same_numbers(name, tmp_path):
    assert examine(name, tokenizer(), tmp_path, "eager").kind != REFUSED


def test_the_page_has_every_family_and_no_other():
    assert families_table.rows().keys() == set(names())


def test_the_page_counts_its_rows():
    assert families_table.counts(families_table.rows()) in families_table.PAGE.read_text()
