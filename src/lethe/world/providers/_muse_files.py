"""The files of MUSE in the forms in which they are found: Parquet, JSON lines or JSON."""

import os
from pathlib import Path
from typing import Any

from lethe.common.characters import has_lone_surrogate
from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json, read_rows
from lethe.world.record_files import read_parquet

AGAIN = "get MUSE's files again"
TEXT = "text"


def folder_of(path: str | os.PathLike | None) -> Path:
    """The folder of one corpus; LetheError if there is none, or if it is that of both."""
    if path is None:
        raise LetheError(
            "world.path: null; set it to a folder with MUSE's raw, verbmem, knowmem and privleak"
        )
    folder = Path(path)
    if not folder.is_dir():
        raise LetheError(f"{folder}: no such folder; set world.path to one corpus of MUSE")
    if not (folder / "raw").is_dir():
        inside = [name for name in ("news", "books") if (folder / name / "raw").is_dir()]
        remedy = f"set world.path to {folder / inside[0]}" if inside else AGAIN
        raise LetheError(f"{folder}: no folder raw in it; {remedy}")
    return folder


def files_of(place: Path) -> list[Path]:
    """The files of a split, whose suffix ``place`` does not have: the shards of Parquet, or one.

    Parquet comes first: on the hub it is what the data set loads, and JSON beside it is older.
    """
    shards = sorted(place.parent.glob(f"{place.name}-[0-9]*-of-[0-9]*.parquet"))
    if shards:
        return shards
    names = (f"{place.name}{suffix}" for suffix in (".parquet", ".jsonl", ".json"))
    there = (place.parent / name for name in names)
    return [file for file in there if file.is_file()][:1]


def read(place: Path) -> list[Any]:
    """The rows of a split, as they are; LetheError if it is missing, broken or empty."""
    files = files_of(place)
    if not files:
        raise LetheError(f"{place}: no such file (.parquet, .jsonl or .json); {AGAIN}")
    rows = [row for file in files for row in _rows(file)]
    if not rows:
        raise LetheError(f"{files[0]}: no rows; was the file cut off? {AGAIN}")
    return rows


def texts(place: Path, blank: bool = False) -> list[str]:
    """The texts of a split: a list of them, or rows with the one column ``text``.

    LetheError for another form, and for an empty text unless it may be ``blank``.
    """
    rows = [row if isinstance(row, str) else _only_text(row, place) for row in read(place)]
    for number, text in enumerate(rows, start=1):
        _check(text, f"{place}, row {number}", blank)
    return rows


def columns(place: Path, fields: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The values of ``fields`` in each row; LetheError for other columns and empty texts."""
    values = []
    for number, row in enumerate(read(place), start=1):
        where = f"{place}, row {number}"
        if not isinstance(row, dict) or sorted(row) != sorted(fields):
            has = ", ".join(map(repr, row)) if isinstance(row, dict) else type(row).__name__
            raise LetheError(f"{where}: has {has or 'no key'}, not {', '.join(fields)}; {AGAIN}")
        for field in fields:
            _check(row[field], f"{where}: {field!r}", blank=False)
        values.append(tuple(row[field] for field in fields))
    return values


def _rows(file: Path) -> list[Any]:
    if file.suffix == ".jsonl":
        return read_rows(file)
    if file.suffix == ".json":
        rows = read_json(file, GIVEN)
        if not isinstance(rows, list):
            raise LetheError(f"{file}: not a list of rows; {AGAIN}")
        return rows
    return read_parquet(file, AGAIN)


def _only_text(row: Any, place: Path) -> Any:
    if not isinstance(row, dict) or list(row) != [TEXT]:
        has = ", ".join(map(repr, row)) if isinstance(row, dict) else type(row).__name__
        raise LetheError(f"{place}: a row has {has or 'no key'}, not {TEXT!r} alone; {AGAIN}")
    return row[TEXT]


def _check(text: Any, where: str, blank: bool) -> None:
    if not isinstance(text, str) or not (blank or text.strip()):
        raise LetheError(f"{where} is {text!r}, not a text; {AGAIN}")
    if has_lone_surrogate(text):
        raise LetheError(f"{where} holds half a surrogate pair; {AGAIN}")
