"""Converts a GGUF file into a checkpoint once, because reading such a file takes long."""

from pathlib import Path

from lethe.common.files import sha256
from lethe.model import checkpoint, checkpoint_check
from lethe.model.settings import Compute


def import_gguf(file: str | Path, out: str | Path, compute: Compute | None = None) -> None:
    """Save the model of a GGUF file at ``out``; ``file``: a path, or ``ORG/NAME/FILE.gguf``."""
    model, tokenizer = checkpoint.load(file, **(compute or Compute()).loading())
    origin = {"stage": "import", "file": Path(file).name}
    if checkpoint_check.is_local(file):
        origin["sha256"] = sha256(file)
    checkpoint.save(out, model, tokenizer, origin)
