"""Where a command is to write: tried before any work, so that no result is lost at the end."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json

# What the result of an evaluation has, and no file of a model or of data.
RESULT = {"checkpoint", "data", "split", "metrics", "skipped"}


def check_file(path: str | os.PathLike, read: Iterable[str | os.PathLike | None] = ()) -> None:
    """LetheError unless a file can be written there, over none of the files or folders ``read``.

    The result of an earlier run may lie in such a folder: nothing reads it, and it is replaced.
    """
    file = Path(path)
    if str(path).endswith("/") or file.is_dir():
        raise LetheError(f"--out {path}: a folder; name a file in it")
    if file.exists() and not file.is_file():
        raise LetheError(f"--out {path}: no plain file; name one")
    for source in filter(None, read):
        if file.exists() and _holds(Path(source), file) and not _is_result(file):
            raise LetheError(f"--out {path}: a file that is read; name another")
    _try(file.parent, path)


def check_folder(
    path: str | os.PathLike,
    empty: bool = True,
    read: Iterable[str | os.PathLike | None] = (),
) -> None:
    """LetheError unless ``path`` is a folder that can be written to, or made; ``empty`` if so.

    Nor may it lie in one of the folders ``read``.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise LetheError(f"--out {path}: a file; name a folder")
    if empty and folder.is_dir() and any(folder.iterdir()):
        raise LetheError(f"--out {path}: the folder is not empty; name a new one, or remove it")
    for source in filter(None, read):
        if Path(source).is_dir() and _holds(Path(source), folder):
            raise LetheError(f"--out {path}: in {source}, which is read; name another folder")
    _try(folder, path)


def _holds(source: Path, file: Path) -> bool:
    source, file = source.resolve(), file.resolve()
    return source == file or source in file.parents


def _is_result(file: Path) -> bool:
    """Whether a file is the result of an evaluation."""
    try:
        found = read_json(file)
    except (LetheError, OSError):
        return False
    return isinstance(found, dict) and found.keys() >= RESULT


def _try(folder: Path, path: str | os.PathLike) -> None:
    """Write a file into the folder, or into the nearest one above that is there; leave nothing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LetheError(
            f"--out {path}: nothing can be written to {folder} ({error.strerror}); name another"
        ) from None
