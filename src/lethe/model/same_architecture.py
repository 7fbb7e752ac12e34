"""Whether checkpoints have one architecture, by their configurations, without loading them.

Only folders are checked: the architecture of a hub model or a GGUF file is known once it is loaded.
Light to import.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.model import loading_notice, lora

# What configurations call the same size, and what messages call it.
SIZES = {
    "family": ("model_type",),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden size": ("hidden_size", "n_embd", "d_model", "dim"),
    "vocabulary": ("vocab_size",),
}


def check(sources: Iterable[str | Path | None]) -> None:
    """LetheError unless all folders among ``sources`` hold models of one family and size."""
    first: tuple[Any, dict[str, Any]] | None = None
    for source in filter(None, sources):
        sizes = _sizes(source)
        if sizes and first is None:
            first = source, sizes
        for name in sizes:
            known = first[1].get(name, sizes[name])
            if known != sizes[name]:
                raise LetheError(
                    f"{source}: another architecture than {first[0]} ({name} {sizes[name]}, not "
                    f"{known}), so the two cannot be compared; name checkpoints that "
                    "were trained from the same base"
                )


def _sizes(source: str | Path) -> dict[str, Any]:
    """The sizes in a folder's configuration; none if it cannot be read here."""
    folder = Path(source)
    while lora.is_adapter_folder(folder):
        folder = Path(lora.base_of(folder))
    file = folder / "config.json"
    if not file.is_file():
        return {}
    values = loading_notice.configuration(file)
    values = {**values, **_mapping(values.get("text_config"))}
    named = {size: [values[key] for key in keys if key in values] for size, keys in SIZES.items()}
    return {size: given[0] for size, given in named.items() if given}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
