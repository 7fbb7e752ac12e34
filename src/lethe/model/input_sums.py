"""Sums of X' X over the inputs X of a model's layers, which a checkpoint carries for the next run.

A run that must not disturb what earlier ones did (the wrapper ``null_space`` with ``running``)
finds here which inputs those used, without their rows. Whatever loads the checkpoint otherwise
ignores them, and does not save them again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import open_to_others
from lethe.model import attached

FILE = "input_sums.safetensors"


def read(source: str | Path) -> dict[str, Any] | None:
    """The sums in a checkpoint's folder, [inputs, inputs] by layer; None if it has none."""
    file = Path(source) / FILE
    if not file.is_file():
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise LetheError(f"{file}: cannot be read ({reason}); make the checkpoint again") from None


def write(folder: Path, model) -> None:
    """Write the sums that a run left with its model into a checkpoint's folder, if any."""
    sums = attached.model_state(model).carried_sums
    if sums is None:
        return
    from safetensors.torch import save_file

    save_file(dict(sums), folder / FILE, metadata={"format": "pt"})
    open_to_others(folder / FILE)


def of_earlier(model) -> Mapping[str, Any]:
    """The sums that came with a model's checkpoint; empty if none did."""
    return attached.model_state(model).input_sums or {}


def carry(model, sums: Mapping[str, Any]) -> None:
    """Let a model's next checkpoints have these sums."""
    attached.update_model(model, carried_sums=dict(sums))
