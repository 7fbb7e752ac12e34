"""The size of a model and its checkpoints, before anything is loaded. Light to import."""

import json
import math
import re
import struct
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.model import architecture, checkpoint_check
from lethe.pipeline.config.keys import given
from lethe.pipeline.config.models import ModelSettings

BYTES = {"float32": 4, "bfloat16": 2}
# Tokenizer and configuration of an external model: Llama 3 has 17 MB of them.
BESIDE = 20 * 10**6
# Bytes that safetensors itself allows a header.
LONGEST_HEADER = 100_000_000
# "7b", "1.5B" or "135M" as a word of its own in a model's name.
IN_NAME = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)


def parameters(settings: ModelSettings) -> int | None:
    """Number of weights of a model, from its ``model_settings``; None if it is not known.

    In this order: as given; from the architecture; from the headers of local files (an upper bound
    for GGUF); from the model's name ("7b").
    """
    path = settings.base_checkpoint
    if settings.parameters is not None:
        return int(settings.parameters)
    if path is None:
        return architecture.sizes(given(settings.architecture)).parameters
    if checkpoint_check.is_gguf(path) and Path(path).is_file():
        # The usual formats have at least four bits a weight.
        return 2 * Path(path).stat().st_size
    files = sorted(Path(path).glob("*.safetensors"))
    if files:
        return sum(map(in_file, files))
    sizes = IN_NAME.findall(path)
    return (
        round(float(sizes[-1][0]) * {"b": 1e9, "m": 1e6}[sizes[-1][1].lower()]) if sizes else None
    )


def in_file(file: Path) -> int:
    """How many numbers a safetensors file has, from its header. LetheError if it has no header."""
    try:
        with file.open("rb") as content:
            (length,) = struct.unpack("<Q", content.read(8))
            if length > LONGEST_HEADER:
                raise ValueError("no header")
            header = json.loads(content.read(length))
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name[:1] != "_")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error):
        raise LetheError(
            f"{file}: not a safetensors file (a stub of Git LFS, perhaps); fetch the real one"
        ) from None


def checkpoint_bytes(settings: ModelSettings, stage: str) -> int | None:
    """Bytes of a checkpoint that a stage (``finetune``, ``unlearn``) leaves."""
    count = parameters(settings)
    if count is None:
        return None
    beside = BESIDE if settings.base_checkpoint is not None else 0
    lora = settings.training(stage)["lora"]
    if lora is not None:
        return round(4 * adapter_parameters(count, lora["rank"])) + beside
    return count * BYTES[settings.dtype] + beside


def adapter_parameters(count: int, rank: int) -> float:
    """Approximate weights of adapters in all linear layers of a Llama.

    rank * (in + out) over a block's seven layers is 0.30% of 6.7 billion and 0.46% of 1.2 billion
    weights at rank 8; a power law through these two points gives the rest.
    """
    return count * 0.0030 * (6.7e9 / count) ** 0.24 * rank / 8
