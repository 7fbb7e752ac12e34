"""What becomes of a family: exact, exact by fallback, or refused in one line."""

import gc
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch

from helpers.against_plain import ASKED, by_lethe, by_plain, differences, examples, weights_of
from helpers.tiny_families import build, configuration
from lethe.common.errors import LetheError
from lethe.model import checkpoint, token_mixing
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.generate import place_bytes

EXACT, FALLBACK, REFUSED = "exact", "exact by fallback", "refused"
# What this transformers cannot build at all, and why: Lethe has to say so in one line.
UNBUILT = {
    "gemma3n": "timm",
    "gemma4_assistant": "hidden_size_per_layer_input",
    "gemma4_unified_assistant": "layer types",
    "musicgen": "dropout",
    "musicgen_melody": "dropout",
}


@dataclass(frozen=True)
class Outcome:
    """``kind``: of the three above; ``how`` it is computed, or why not."""

    kind: str
    how: str


@cache
def tokenizer():
    """The tokenizer of all families, of 300 tokens."""
    return train_tokenizer([text for answers in ASKED.values() for text in answers] * 3, 300)


def examine(
    name: str, tokenizer, folder: Path, attention: str = "sdpa", device: str = "cpu"
) -> Outcome:
    """Build a family in ``folder`` and hold Lethe's numbers against transformers' own.

    AssertionError: a wrong number, or anything but one line of refusal.
    """
    tokenizer.save_pretrained(folder)
    if name in UNBUILT:
        return _unbuilt(name, folder)
    config = configuration(name, tokenizer)
    model = build(config)
    start = weights_of(model)
    model.save_pretrained(folder)
    # Of families with pictures or sounds the text part alone is built, and the whole is named.
    config.save_pretrained(folder)
    del model
    rows, end = examples(tokenizer), tokenizer.eos_token_id
    # A GPU answers a position that is not there with an assertion that ends the process.
    plainly = "cpu" if name.endswith("/ends") else device
    try:
        wanted = by_plain(folder, rows, end, plainly)
    except IndexError:
        # Learned positions that end before the texts do.
        wanted = None
    try:
        found, model = by_lethe(folder, rows, end, attention, device)
    except LetheError as error:
        return _refused(error, folder)
    finally:
        gc.collect()
    assert wanted, f"{name}: plain transformers has no such positions, but Lethe gave numbers"
    # What a batch's size on a GPU comes from, whatever a family calls its sizes.
    assert place_bytes(model) > 0
    wrong = differences(found, wanted, start)
    assert not wrong, f"{name}: {'; '.join(wrong)} ({token_mixing.of(model)})"
    return _how(model, max(map(len, rows)))


def _unbuilt(name: str, folder: Path) -> Outcome:
    """A folder with a configuration and weights that no model has."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors.torch import save_file
    from transformers import CONFIG_MAPPING

    text = {"model_type": name}
    # Not even that, of some: the type alone is then named.
    with suppress(StrictDataclassError):
        text |= CONFIG_MAPPING[name]().to_dict()
    (folder / "config.json").write_text(json.dumps(text))
    save_file({"none": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(LetheError, match=UNBUILT[name]) as caught:
        checkpoint.load(folder)
    return _refused(caught.value, folder)


def _refused(error: LetheError, folder: Path) -> Outcome:
    text = str(error).replace(str(folder), "FOLDER")
    assert "\n" not in text
    return Outcome(REFUSED, text)


def _how(model, longest: int) -> Outcome:
    mixed = token_mixing.of(model)
    layout, generation = mixed.layout_of(longest), mixed.generation_of(longest)
    fast = (layout, generation) == (token_mixing.PACKED, token_mixing.CACHED)
    return Outcome(EXACT if fast else FALLBACK, f"{layout}, {generation}")
