"""Checkpoints: the one way to load and to save a model with its tokenizer.

A checkpoint is a folder in transformers' format (safetensors, never pickle) with a small
``checkpoint.json`` beside the weights: the digest of every file and where the checkpoint came from.
By it, what depends on a checkpoint is told by content whether that changed, without hashing
gigabytes each time.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from lethe import paths
from lethe.errors import LetheError
from lethe.files import read_json, sha256, write_json

# What OpenUnlearning's chat models were trained with; other systems' checkpoints most likely too.
CUSTOMARY = {
    "name": "chat",
    "system": "You are a helpful assistant.",
    "variables": {"date_string": "10 Apr 2025"},
}


def load(source: str | Path, device: str = "cpu", dtype: str = "float32"):
    """Load ``(model, tokenizer)`` from a local folder or a hub id, in evaluation mode.

    No remote code is run and no pickle is read. A folder that is not a whole checkpoint is a
    LetheError that names what it lacks.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    from lethe.packing import use_packing

    _check(source)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise LetheError(f"{source}: cannot load the model ({_first_line(error)})") from error
    use_packing(model)
    return model.to(device).eval(), load_tokenizer(source)


def load_tokenizer(source: str | Path):
    """The tokenizer of a checkpoint."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise LetheError(
            f"{source}: cannot load the tokenizer ({_first_line(error)}); a checkpoint needs one"
        ) from error


def save(folder: str | Path, model, tokenizer, origin: dict[str, Any]) -> None:
    """Write a checkpoint: all of it, or nothing under this name.

    ``origin`` tells where it came from (parents by digest, settings); it must not hold times or
    host names, so that equal work gives equal bytes.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        # One file whatever the size: its name is then known before the job runs.
        model.save_pretrained(temporary, max_shard_size="100TB")
        tokenizer.save_pretrained(temporary)
        digests = {file.name: sha256(file) for file in sorted(temporary.iterdir())}
        write_json(temporary / paths.DIGEST, {"files": digests, "origin": origin}, indent=1)
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def digest(folder: str | Path) -> str:
    """SHA-256 of a checkpoint's weights, as recorded when it was written."""
    return read_json(Path(folder) / paths.DIGEST)["files"][paths.WEIGHTS]


def template_of(source: str) -> dict[str, Any]:
    """The template that a checkpoint of ours was trained with; for others the customary one."""
    file = Path(source) / paths.DIGEST
    given = read_json(file)["origin"].get("template", "chat") if file.exists() else CUSTOMARY
    return {"name": given} if isinstance(given, str) else dict(given)


def _check(source: str | Path) -> None:
    """A folder of ours must hold every file that its digest names."""
    folder = Path(source)
    if not (folder / paths.DIGEST).exists():
        return
    names = read_json(folder / paths.DIGEST).get("files", ())
    if not names:
        raise LetheError(f"{folder}/{paths.DIGEST}: names no files; delete the folder")
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise LetheError(
            f"{folder}: {', '.join(missing)} missing; delete the folder to have it made again"
        )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
