"""Low-rank adapters: adds them to a model, saves them, and finds their base model.

A checkpoint of adapters is a folder in peft's format with ``adapter_config.json`` and only the
adapters' weights. The weights are in ``model.safetensors``, as in every checkpoint, with a link to
that file under peft's own name (``adapter_model.safetensors``). Loading merges the adapters into
their base (``lethe.model.lora_merge``), so code that reads a checkpoint need not know how it was
trained.
"""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import open_to_others, write_json
from lethe.model import attached, checkpoint_record, loading_notice

CONFIG = "adapter_config.json"
PEFT_WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."


def is_adapter_folder(source: str | Path) -> bool:
    """Whether a local folder holds adapters, and no whole model."""
    return (Path(source) / CONFIG).is_file()


def has_adapters(model) -> bool:
    """Whether only adapters are trained of a model in memory."""
    return attached.model_state(model).adapter_base is not None


def base_has_adapters(model) -> bool:
    """Whether a model in memory has adapters whose base is itself a folder of adapters."""
    base = attached.model_state(model).adapter_base
    return base is not None and is_adapter_folder(base["source"])


def add(model, settings: Mapping[str, Any], seed: int, base: str | Path) -> None:
    """Add adapters to a model, in place; only they require gradients. At first they change nothing.

    Adapters are float32, whatever the model's dtype. LetheError if no layer has a name that
    ``targets`` asks for.
    """
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    targets = settings["targets"]
    config = LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
        base_model_name_or_path=_name(base),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random.Random(f"adapters/{seed}").getrandbits(63))
        try:
            inject_adapter_in_model(config, model)
        except ValueError as error:
            raise LetheError(f"lora.targets: {str(error).splitlines()[0]}") from error
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    known = checkpoint_record.is_ours(base)
    digest = checkpoint_record.digest(base) if known else None
    attached.update_model(model, adapter_base={"source": str(base), "digest": digest})


def fold(model) -> None:
    """Merge the adapters that ``add`` added into the weights, in place; all are trainable again.

    Products and sums are computed in float32.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, layer in adapted:
        base = layer.get_base_layer()
        dtype = base.weight.dtype
        base.weight.data = base.weight.data.float()
        layer.merge(safe_merge=True)
        base.weight.data = base.weight.data.to(dtype)
        holder, _, last = name.rpartition(".")
        setattr(model.get_submodule(holder), last, base)
    vars(model).pop("peft_config", None)
    model.requires_grad_(True)
    attached.update_model(model, adapter_base=None)


def _name(base: str | Path) -> str:
    """The name of a base that works from every folder: an absolute path, or a hub id."""
    return str(Path(base).absolute()) if Path(base).exists() else str(base)


def save(folder: Path, model) -> dict[str, Any]:
    """Write a model's adapters in peft's format; returns which base they belong to."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    weights = {f"{PREFIX}{name}": value.contiguous().cpu() for name, value in state.items()}
    save_file(weights, folder / paths.WEIGHTS, metadata={"format": "pt"})
    open_to_others(folder / paths.WEIGHTS)
    (folder / PEFT_WEIGHTS).symlink_to(paths.WEIGHTS)
    config = model.peft_config["default"].to_dict() | {"inference_mode": True}
    # The order of sets differs from process to process.
    plain = {key: sorted(v) if isinstance(v, set) else v for key, v in config.items()}
    write_json(folder / CONFIG, dict(sorted(plain.items())), indent=2)
    return attached.model_state(model).adapter_base


def base_of(folder: str | Path) -> str:
    """Where the base model of a folder's adapters is: a path, or a hub id.

    A base made by Lethe is recognised by the digest in the adapters' record, even if the results
    were moved. It is looked for under its recorded name, relative to the working folder and to
    every folder above the adapters, and then under the last parts of that name. If no candidate has
    the digest, the first one that exists is taken.
    """
    folder = Path(folder)
    name = loading_notice.configuration(folder / CONFIG).get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise LetheError(
            f"{folder}/{CONFIG}: names no base; write the base's folder or hub id there "
            "(base_model_name_or_path)"
        )
    known = {}
    if checkpoint_record.is_ours(folder):
        known = checkpoint_record.read(folder).get("base") or {}
    source, digest = known.get("source", name), known.get("digest")
    existing = [place for place in _places(folder, source, name) if place.exists()]
    if digest is not None:
        for place in [*existing, *_by_their_end(folder, source)]:
            if checkpoint_record.is_ours(place) and checkpoint_record.digest(place) == digest:
                return str(place)
    base = existing[0] if existing else Path(source)
    if base.exists() and base.samefile(folder):
        raise LetheError(
            f"{folder}/{CONFIG}: names itself as its base; write the base's folder or hub id there "
            "(base_model_name_or_path)"
        )
    return str(existing[0]) if existing else source


def check_chain(folder: str | Path) -> None:
    """LetheError if the bases of adapters, which may be adapters themselves, form a cycle."""
    passed: list[Path] = []
    place = Path(folder)
    while place.is_dir() and is_adapter_folder(place):
        if place.resolve() in passed:
            names = " -> ".join(str(folder) for folder in [*passed, passed[0]])
            raise LetheError(
                f"{folder}/{CONFIG}: adapters that are each other's base: {names}; write the "
                "folder or hub id of a whole model into one of them (base_model_name_or_path)"
            )
        passed.append(place.resolve())
        place = Path(base_of(place))


def _places(folder: Path, *names: str) -> Iterator[Path]:
    """Where a base may be by its names: from the working folder and the folders above."""
    for name in names:
        yield from (place / name for place in (Path(), *folder.resolve().parents))


def _by_their_end(folder: Path, name: str) -> Iterator[Path]:
    """Where a base may be if folders above both it and the adapters were moved or renamed."""
    parts = Path(name).parts
    for begin in range(1, len(parts)):
        yield from (place.joinpath(*parts[begin:]) for place in folder.resolve().parents)
