"""Low-rank adapters: put into a model, saved beside the name of their base, merged when loaded.

A checkpoint of adapters is a folder in peft's format: ``adapter_config.json`` and the adapters'
weights alone. Their file is ``model.safetensors``, as in every checkpoint, with peft's own name
(``adapter_model.safetensors``) as a link to it. Loading gives the plain model W +
(alpha / rank) B A: what reads a checkpoint need not know how it was trained.
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe import paths
from lethe.errors import LetheError
from lethe.files import read_json, write_json

CONFIG = "adapter_config.json"
PEFT_WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."


def are_in(source: str | Path) -> bool:
    """Whether a local folder holds adapters, and no whole model."""
    return (Path(source) / CONFIG).is_file()


def of(model) -> bool:
    """Whether a model in memory trains adapters alone."""
    return getattr(model, "lethe_base", None) is not None


def add(model, settings: Mapping[str, Any], seed: int, base: str | Path) -> None:
    """Put adapters into a model, in place; only they need gradients. They begin as a change of 0.

    Adapters are float32, whatever the model's numbers are. LetheError where no layer has a name
    that ``targets`` asks for.
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
        base_model_name_or_path=str(base),
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
    known = Path(base) / paths.DIGEST
    digest = read_json(known)["files"][paths.WEIGHTS] if known.exists() else None
    model.lethe_base = {"source": str(base), "digest": digest}


def save(folder: Path, model) -> dict[str, Any]:
    """Write a model's adapters in peft's format; returns which base they belong to."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    weights = {f"{PREFIX}{name}": value.contiguous().cpu() for name, value in state.items()}
    save_file(weights, folder / paths.WEIGHTS, metadata={"format": "pt"})
    (folder / PEFT_WEIGHTS).symlink_to(paths.WEIGHTS)
    config = model.peft_config["default"].to_dict() | {"inference_mode": True}
    # Sets have no order that would be the same in every process.
    plain = {key: sorted(v) if isinstance(v, set) else v for key, v in config.items()}
    write_json(folder / CONFIG, dict(sorted(plain.items())), indent=2)
    return model.lethe_base


def base_of(folder: str | Path) -> str:
    """Where the model lies that a folder's adapters change: a path, or a hub id."""
    name = read_json(Path(folder) / CONFIG)["base_model_name_or_path"]
    # Names of our own checkpoints count from the working folder, which may not be this one.
    for place in (Path(), *Path(folder).resolve().parents):
        if (place / name).exists():
            return str(place / name)
    return name


def merge(model, folder: str | Path) -> None:
    """Add a folder's adapters to the weights of their base, in place.

    Products and sums are computed in float32 and rounded once to the model's numbers.
    """
    from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    folder = Path(folder)
    file = folder / paths.WEIGHTS
    state = load_file(file if file.exists() else folder / PEFT_WEIGHTS)
    config = LoraConfig.from_pretrained(folder)
    inject_adapter_in_model(config, model)
    found = set_peft_model_state_dict(
        model, {name.removeprefix(PREFIX): value.float() for name, value in state.items()}
    )
    if found.unexpected_keys:
        raise LetheError(f"{folder}: {found.unexpected_keys[0]} fits no layer of its base")
    fold(model)


def fold(model) -> None:
    """Replace every adapted layer by a plain one with the sum of its weights."""
    import torch
    from peft.tuners.lora import LoraLayer

    for name, layer in list(model.named_modules()):
        if not isinstance(layer, LoraLayer):
            continue
        plain = layer.get_base_layer()
        with torch.no_grad():
            change = layer.get_delta_weight("default").float()
            plain.weight.copy_(plain.weight.float() + change)
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, plain)
    vars(model).pop("peft_config", None)
    model.requires_grad_(True)
