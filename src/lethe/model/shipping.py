"""Packing a trained checkpoint for shipping, in half its bytes, and unpacking it."""

import re
import shutil
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import open_to_others
from lethe.model import attached, checkpoint, checkpoint_record

DTYPE = "bfloat16"
# Bytes above which weights do not belong in a repository.
MOST = 8 * 10**6


def pack(trained: str | Path, out: str | Path, origin: dict[str, Any]) -> None:
    """Save a checkpoint's weights in bfloat16 at ``out``; LetheError if they take more than 8 MB.

    ``origin``: what is added to the origin in the checkpoint's record.
    """
    model, tokenizer = checkpoint.load(trained, dtype=DTYPE)
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    if size > MOST:
        raise LetheError(
            f"{trained}: {size / 1e6:.1f} MB in {DTYPE}, and {MOST / 1e6:.0f} MB may be shipped; "
            "make the architecture of its recipe smaller"
        )
    # Otherwise the float32 file would be linked, as for an unchanged model.
    attached.detach_source(model)
    checkpoint.save(out, model, tokenizer, {**checkpoint.origin(trained), **origin})


def unpack(shipped: str | Path, out: str | Path) -> None:
    """Copy a shipped checkpoint, and no other file beside it, to the folder ``out``.

    LetheError if a file is missing or is not the one that was shipped.
    """
    shipped, out = Path(shipped), Path(out)
    with checkpoint_record.verifying(shipped):
        pass
    out.mkdir(parents=True, exist_ok=True)
    for name in [*checkpoint_record.read(shipped)["files"], paths.DIGEST]:
        shutil.copyfile(shipped / name, out / name)
        open_to_others(out / name)


# A line of ``lethe.common.progress.Progress``.
_STEP = re.compile(r"step (\d+) of \d+, loss ([0-9.]+),")


def losses(log: str) -> str:
    """The steps and losses that a training's log reports, as CSV; a resumed log continues."""
    by_step = dict(_STEP.findall(log))
    return "".join(["step,loss\n", *(f"{step},{loss}\n" for step, loss in by_step.items())])
