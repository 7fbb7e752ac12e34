"""Reads files of records as benchmarks publish them: a JSON list, JSON lines or Parquet."""

import math
import os
from pathlib import Path
from typing import Any

from lethe.common.characters import has_lone_surrogate, unfit
from lethe.common.errors import LetheError
from lethe.common.files import MALFORMED, read_rows, read_text, strict_json

SUFFIXES = (".json", ".jsonl", ".parquet")


def find(folder: str | os.PathLike, names: tuple[str, ...]) -> Path | None:
    """The first file of a folder with one of these names and a known suffix, or None."""
    candidates = (Path(folder) / f"{name}{suffix}" for name in names for suffix in SUFFIXES)
    return next((file for file in candidates if file.is_file()), None)


def read_records(path: str | os.PathLike) -> list[dict]:
    """The records of a file; the content decides between a JSON list and JSON lines.

    LetheError, one line, names a file that is missing, empty or of another form.
    """
    path = Path(path)
    if not path.is_file():
        raise LetheError(f"{path}: no such file; give its path, or get it again")
    if path.suffix == ".parquet":
        records = read_parquet(path, "get it again")
        _check_finite(records, path)
    elif read_text(path).lstrip().startswith("["):
        records = _list(path)
    else:
        records = read_rows(path)
    if not records:
        raise LetheError(f"{path}: no rows; was the file cut off? Get it again")
    return records


def _list(path: Path) -> list[dict]:
    try:
        records = strict_json(read_text(path))
    except MALFORMED as error:
        raise LetheError(f"{path}: not valid JSON ({error}); get the file again") from None
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise LetheError(
                f"{path}, row {number}: expected an object, found {str(record)[:40]!r}; correct it"
            )
        if _half(record):
            raise LetheError(f"{path}, row {number}: has half a surrogate pair; correct the row")
    return records


def read_parquet(path: Path, remedy: str) -> list[dict]:
    """The rows of a Parquet file; LetheError, which ends with ``remedy``, if it is none."""
    # Imported here because few worlds are read from Parquet.
    from pyarrow import ArrowException
    from pyarrow.parquet import read_table

    try:
        return read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise LetheError(f"{path}: not a Parquet file ({reason}); {remedy}") from None


def _check_finite(records: list[dict], path: Path) -> None:
    for number, record in enumerate(records, start=1):
        for key, value in record.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise LetheError(f"{path}, row {number}: {key!r} is {value}; correct the row")


def text_field(record: dict, field: str, place: str) -> str:
    """A text of a record, without space around it; LetheError names ``place`` if there is none."""
    if field not in record:
        has = ", ".join(map(repr, record)) or "no key"
        raise LetheError(f"{place}: no {field!r} (it has {has}); use the published columns")
    value = record[field]
    if not isinstance(value, str) or not value.strip():
        raise LetheError(f"{place}: {field!r} is {value!r}, not a text; correct it")
    if (character := unfit(value)) is not None:
        raise LetheError(f"{place}: {field!r} holds the character {character}; remove it")
    return value.strip()


def _half(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_half, value.values()))
    if isinstance(value, list):
        return any(map(_half, value))
    return isinstance(value, str) and has_lone_surrogate(value)
