"""The same checkpoint in another folder, not loaded: weights are linked, other files copied."""

import os
import shutil
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.model import checkpoint_record


def copy_checkpoint(source: str | Path, folder: str | Path) -> None:
    """Put the files of a checkpoint of ours into ``folder``, without other files beside them.

    LetheError if the source lacks a file that its record names.
    """
    source, folder = Path(source), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    links = [file.name for file in source.iterdir() if file.is_symlink()]
    listed = [*checkpoint_record.read(source)["files"], paths.DIGEST]
    card = [checkpoint_record.CARD] if (source / checkpoint_record.CARD).is_file() else []
    for name in dict.fromkeys([*listed, *links, *card]):
        if not (source / name).is_file():
            raise LetheError(f"{source}: no {name}; {checkpoint_record.AGAIN}")
        _put(source / name, folder / name)


def _put(file: Path, place: Path) -> None:
    if file.name != paths.WEIGHTS or file.is_symlink():
        shutil.copy2(file, place, follow_symlinks=False)
        return
    try:
        os.link(file, place)
    except OSError:
        # On another file system, or one without links.
        shutil.copy2(file, place)
