"""Reading and writing small files: JSON and JSON lines, whole or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lethe.errors import LetheError


@contextmanager
def whole_file(path: str | os.PathLike):
    """Yield a temporary path beside ``path``; rename it to ``path`` only if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results are for everyone who may read the folder.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any, indent: int | None = None) -> None:
    """Write JSON, atomically. A NaN or an infinity is a ValueError: results are finite."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    write_text(path, text + "\n")


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file; a missing, truncated or malformed one is a LetheError that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LetheError(
            f"{path}: not valid JSON ({error}); delete the file to have it made again"
        ) from None


def write_rows(path: str | os.PathLike, rows: Iterable[dict]) -> None:
    """Write JSON lines, atomically."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    write_text(path, "".join(line + "\n" for line in lines))


def read_rows(path: str | os.PathLike) -> list[dict]:
    """Read JSON lines; a missing or malformed file is a LetheError that names file and line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise LetheError(f"{path}: not UTF-8 text ({error})") from None
    rows = []
    # Only "\n" ends a row: JSON strings may hold other line separators (U+2028).
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise LetheError(f"{path}, line {number}: not valid JSON ({error.msg})") from None
        if not isinstance(row, dict):
            raise LetheError(f"{path}, line {number}: expected an object, found {line[:40]!r}")
        rows.append(row)
    return rows


def read_lines(path: str | os.PathLike) -> list[str]:
    """Plain lines of text, blank ones left out; a missing file is a LetheError that names it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    return [line.strip() for line in text.split("\n") if line.strip()]


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
