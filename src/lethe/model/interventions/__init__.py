"""Interventions at inference time, carried by a checkpoint beside weights that stay as they were.

A checkpoint may carry a chain of them. Each changes the questions that the model is asked, or what
a layer of it puts out, for training, likelihoods and generation alike: questions pass through
``lethe.model.encoder.Encoder``, layers through hooks. ``checkpoint.load`` attaches them and
``checkpoint.save`` writes them, so that nobody else need know of them.

A kind of intervention is a module of this folder with a class ``Intervention``, found by its name.
On disk it is data alone: settings in ``intervention.json``, tensors in
``intervention.safetensors``.
"""

from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import open_to_others, read_json, write_json
from lethe.common.registry import Registry
from lethe.model.intervention import carried_by

FORMAT = 1
FILES = FILE, TENSORS = "intervention.json", "intervention.safetensors"
REMEDY = "make the checkpoint again"
INTERVENTIONS = Registry(__name__, "intervention")
kinds = INTERVENTIONS.names


def write(folder: Path, model) -> None:
    """Write the chain of a model into a checkpoint's folder; nothing where there is none."""
    chain = carried_by(model)
    if not chain:
        return
    entries = [{"kind": intervention.kind, **intervention.values()} for intervention in chain]
    write_json(folder / FILE, {"format": FORMAT, "interventions": entries}, indent=1)
    tensors = {
        f"{place}.{key}": tensor.detach().cpu().contiguous()
        for place, intervention in enumerate(chain)
        for key, tensor in intervention.tensors().items()
    }
    if tensors:
        from safetensors.torch import save_file

        save_file(tensors, folder / TENSORS, metadata={"format": "pt"})
        open_to_others(folder / TENSORS)


def read(source: str | Path) -> tuple:
    """The chain of a checkpoint's folder; LetheError where the files are not what ``write`` wrote.

    An intervention is read as data: its kind must be one of this version's; no code comes with it.
    """
    file = Path(source) / FILE
    if not file.is_file():
        return ()
    tensors = _tensors(file.with_name(TENSORS))
    return tuple(_one(file, entry, tensors, place) for place, entry in enumerate(_entries(file)))


def _entries(file: Path) -> list[dict[str, Any]]:
    """What a file says of each intervention."""
    try:
        content = read_json(file)
    except LetheError as error:
        raise LetheError(f"{str(error).partition(';')[0]}; {REMEDY}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LetheError(f"{file}: no intervention of format {FORMAT}; {REMEDY}")
    entries = content.get("interventions")
    listed = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    if not listed or not entries:
        raise LetheError(f"{file}: names no interventions; {REMEDY}")
    return entries


def _one(file: Path, entry: dict[str, Any], tensors: dict[str, Any], place: int):
    values = dict(entry)
    kind = values.pop("kind", None)
    if kind not in kinds():
        known = ", ".join(kinds())
        raise LetheError(
            f"{file}: unknown kind {kind!r}, this version knows {known}; use the version that "
            "made it, or make the checkpoint again"
        )
    own = {
        key.removeprefix(f"{place}."): tensor
        for key, tensor in tensors.items()
        if key.startswith(f"{place}.")
    }
    made = INTERVENTIONS.load(kind).Intervention
    try:
        return made(**values, **own)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise LetheError(f"{file}: no {kind} ({reason}); {REMEDY}") from None


def _tensors(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except SafetensorError as error:
        raise LetheError(f"{file}: cannot be read ({error}); {REMEDY}") from None
