"""Interventions at inference time, which a checkpoint carries beside its unchanged weights.

A checkpoint may carry a chain of them. Each changes the questions that the model is asked or the
output of one of its layers, for training, likelihoods and generation alike: questions pass through
``lethe.model.encoder.Encoder``, layers have hooks. ``checkpoint.load`` attaches interventions and
``checkpoint.save`` writes them, so no other code needs to know about them.

A kind of intervention is a module in this folder with a class ``Intervention``, looked up by the
module's name. One that changes questions declares ``QUESTIONS = True``. On disk an intervention is
only data: settings in ``intervention.json``, tensors in ``intervention.safetensors``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import open_to_others, read_json, write_json
from lethe.common.registry import Registry
from lethe.model.intervention import carried_by

FORMAT = 1
FILES = FILE, TENSORS = "intervention.json", "intervention.safetensors"
REMEDY = "make the checkpoint again"


@dataclass(frozen=True)
class Contract:
    """What a kind of intervention declares: whether it changes the questions that are asked."""

    questions: bool = False


INTERVENTIONS = Registry(__name__, "intervention", Contract)
kinds = INTERVENTIONS.names


def changes_questions(kind: str | None) -> bool:
    """Whether a model with an intervention of a kind is asked other questions than one without."""
    return kind is not None and INTERVENTIONS.contract(kind).questions


def write(folder: Path, model) -> None:
    """Write a model's interventions into a checkpoint's folder; nothing if it has none."""
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
    """The interventions in a checkpoint's folder; LetheError if ``write`` cannot have written them.

    They are read as data, without any code, so their kinds must be known to this version.
    """
    file = Path(source) / FILE
    if not file.is_file():
        return ()
    tensors = _tensors(file.with_name(TENSORS))
    return tuple(_one(file, entry, tensors, place) for place, entry in enumerate(_entries(file)))


def _entries(file: Path) -> list[dict[str, Any]]:
    """The settings of each intervention in a file."""
    try:
        content = read_json(file)
    except LetheError as error:
        raise LetheError(f"{str(error).partition(';')[0]}; {REMEDY}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LetheError(f"{file}: not interventions of format {FORMAT}; {REMEDY}")
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
            f"{file}: unknown kind {kind!r}; this version knows {known}: use the version that "
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
        raise LetheError(f"{file}: not a valid {kind} ({reason}); {REMEDY}") from None


def _tensors(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except SafetensorError as error:
        raise LetheError(f"{file}: cannot be read ({error}); {REMEDY}") from None
