"""Checking where a command will write before any work, so that no result is lost at the end."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json

# Keys that only the result of an evaluation has, never a model or data file.
RESULT = {"checkpoint", "data", "split", "metrics", "skipped"}


def check_file(
    path: str | os.PathLike, read: Iterable[str | os.PathLike | None] = (), option: str = "--out"
) -> None:
    """Raise LetheError unless a file can be written there without replacing any of ``read``.

    ``read`` holds files and folders. An earlier result in such a folder may be replaced, since
    nothing reads it. ``option``: what named the file.
    """
    file = Path(path)
    if str(path).endswith("/") or file.is_dir():
        raise LetheError(f"{option} {path}: a folder; name a file in it")
    if file.exists() and not file.is_file():
        raise LetheError(f"{option} {path}: not a plain file; name one")
    for source in filter(None, read):
        if file.exists() and _holds(Path(source), file) and not _is_result(file):
            raise LetheError(f"{option} {path}: this file is an input; name another")
    _try(file.parent, path, option)


def check_folder(
    path: str | os.PathLike,
    empty: bool = True,
    read: Iterable[str | os.PathLike | None] = (),
) -> None:
    """Raise LetheError unless ``path`` is a folder that can be written to, or created.

    With ``empty``, it must have no content. It may not lie inside any of the folders ``read``.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise LetheError(f"--out {path}: a file; name a folder")
    if empty and folder.is_dir() and any(folder.iterdir()):
        raise LetheError(f"--out {path}: the folder is not empty; name a new one, or remove it")
    for source in filter(None, read):
        if Path(source).is_dir() and _holds(Path(source), folder):
            raise LetheError(
                f"--out {path}: it lies in {source}, which is an input; name another folder"
            )
    _try(folder, path)


def _holds(source: Path, file: Path) -> bool:
    source, file = source.resolve(), file.resolve()
    return source == file or source in file.parents


def _is_result(file: Path) -> bool:
    """Whether a file is the result of an evaluation."""
    try:
        content = read_json(file)
    except (LetheError, OSError):
        return False
    return isinstance(content, dict) and content.keys() >= RESULT


def _try(folder: Path, path: str | os.PathLike, option: str = "--out") -> None:
    """Try to write a file in the folder, or its nearest existing parent; leave nothing behind."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LetheError(
            f"{option} {path}: nothing can be written to {folder} ({error.strerror}); name another"
        ) from None
