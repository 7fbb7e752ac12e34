"""The card of a checkpoint: what it is, where it came from, and how it is loaded."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lethe.common.files import write_text
from lethe.model import families, interventions, loading_notice
from lethe.model.checkpoint_record import CARD

SHA256 = re.compile(r"[0-9a-f]{64}")
# What distinguishes models, as keys of transformers' configurations.
SIZES = ("model_type", "num_hidden_layers", "hidden_size", "vocab_size", "dtype")

PLAIN = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
```"""
ADAPTERS = """These are adapters; the model that they change is named in `adapter_config.json`.

```python
from peft import AutoPeftModelForCausalLM

model = AutoPeftModelForCausalLM.from_pretrained(folder)
```

Lethe finds the base even if both were moved, and checks that it is the right one."""
ACTING = """**Only with Lethe.** The weights are those of another model: this checkpoint acts at
inference time ({kinds}). Whoever opens the weights alone measures the model that still knows
everything, so other loaders are refused: its configuration is a notice that holds the true one."""
UPON = """**Only with Lethe.** These are adapters on top of a model of adapters, which peft
would load as another model, so other loaders are refused: the configuration is a notice that holds
the true one."""
MASKED = """**Only with Lethe.** This is a masked-diffusion model of Lethe's own type
(`lethe_masked_diffusion`), which sees whole texts: plain transformers does not know it, and a
causal model with these weights would be another model."""
LETHE = """```python
from lethe.model import checkpoint

model, tokenizer = checkpoint.load(folder)
```"""


def write(folder: Path, origin: Mapping[str, Any], base: Mapping[str, Any] | None) -> None:
    """Write the card of a folder, after its other files; equal checkpoints get equal cards.

    ``origin`` as in its record; ``base``: the base model of adapters.
    """
    acting = [entry.kind for entry in interventions.read(folder)]
    masked = families.of_type(_type(folder, base)) == families.MASKED_DIFFUSION
    loading = [ACTING.format(kinds=", ".join(acting))] if acting else []
    upon = loading_notice.is_one(folder / "adapter_config.json") and not acting
    if upon:
        loading = [UPON]
    elif masked and not acting:
        loading = [MASKED]
    elif base is not None and not acting:
        loading = [ADAPTERS]
    elif not acting:
        loading = [PLAIN]
    parts = [
        "\n".join(_front(origin, base, bool(acting))),
        f"# {_title(origin)}",
        "A checkpoint of Lethe, a laboratory for machine unlearning.",
        "\n".join(["| | |", "| --- | --- |", *_rows(folder, origin, base)]),
        "## How to load it",
        *loading,
        "" if acting or upon or masked else "With Lethe:",
        LETHE,
    ]
    write_text(folder / CARD, "\n\n".join(filter(None, parts)) + "\n")


def _type(folder: Path, base: Mapping[str, Any] | None) -> str | None:
    """The model's type: that of the folder, or of the base of its adapters."""
    return families.type_of(folder if base is None else base["source"])


def _front(
    origin: Mapping[str, Any], base: Mapping[str, Any] | None, acting: bool
) -> Iterator[str]:
    """The YAML header, which the hub reads."""
    yield "---"
    yield f"library_name: {'lethe' if acting else 'transformers' if base is None else 'peft'}"
    yield "pipeline_tag: text-generation"
    source = origin.get("parent") if base is None else base["source"]
    # Our own checkpoints are identified by digests, which mean nothing elsewhere.
    if isinstance(source, str) and not SHA256.fullmatch(source):
        yield f"base_model: {json.dumps(source)}"
    yield from ("tags:", "- machine-unlearning", "- lethe", "---")


def _title(origin: Mapping[str, Any]) -> str:
    method, split = origin.get("method"), origin.get("split")
    what = (
        f"After unlearning with {method}" if method else f"Stage {origin.get('stage', 'unknown')}"
    )
    return _plain(f"{what}, {split}" if split else what)


def _rows(folder: Path, origin: Mapping[str, Any], base: Mapping[str, Any] | None) -> Iterator[str]:
    file = folder / "config.json"
    config = loading_notice.configuration(file) if file.is_file() else {}
    sizes = {key: config[key] for key in SIZES if config.get(key) is not None}
    about = dict(origin) | {"architecture": sizes} | ({} if base is None else {"base": dict(base)})
    for key, value in about.items():
        if value not in (None, {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"| {_plain(str(key))} | {_plain(text)} |"


def _plain(text: str) -> str:
    """A text as one line of a table, escaped for Markdown."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"([\\|`*_<>\[\]#])", r"\\\1", line)
