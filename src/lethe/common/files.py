"""Reading and writing small files: JSON and JSON lines, atomically."""

import codecs
import hashlib
import json
import math
import os
import tempfile
import threading
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lethe.common.characters import has_lone_surrogate
from lethe.common.errors import LetheError

# What parsing JSON raises: numbers of thousands of digits are a ValueError, as broken text is, and
# nesting of thousands of brackets a RecursionError.
MALFORMED = (ValueError, RecursionError)
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# The remedy for a file made by a job, and for one supplied by the user.
MADE_AGAIN = "delete the file to have it made again"
GIVEN = "correct it, or name another file"


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
        # mkstemp makes private files, and so do libraries that rename one of theirs to this name.
        open_to_others(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def open_to_others(path: str | os.PathLike) -> None:
    """Give a private file or folder the permissions of newly created ones (the umask's)."""
    path = Path(path)
    # Reading the umask means setting it; creating a file reveals it without that.
    sample = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(sample, os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rights = os.fstat(descriptor).st_mode & 0o666
    finally:
        os.close(descriptor)
        sample.unlink()
    # Whoever may read a folder's files may also enter it.
    path.chmod(rights | (rights & 0o444) >> 2 if path.is_dir() else rights)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any, indent: int | None = None) -> None:
    """Write JSON, atomically. A NaN or an infinity is a ValueError: results are finite."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    write_text(path, text + "\n")


def read_text(path: str | os.PathLike) -> str:
    """Read UTF-8 text, with or without a byte order mark; LetheError names a file that is not."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise LetheError(f"{path}: a folder; name a file") from None
    for mark, encoding in _OTHER_ENCODINGS.items():
        if content.startswith(mark):
            raise LetheError(f"{path}: {encoding}, not UTF-8 text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LetheError(f"{path}: not UTF-8 text ({error}); save it as UTF-8") from None


def read_json(path: str | os.PathLike, remedy: str = MADE_AGAIN) -> Any:
    """Read a JSON file; a missing, truncated or malformed one is a LetheError that names it.

    ``remedy``: what to do about a malformed one; a user's own file must not be deleted.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    except MALFORMED as error:
        raise LetheError(f"{path}: not valid JSON ({error}); {remedy}") from None


def write_rows(path: str | os.PathLike, rows: Iterable[dict]) -> None:
    """Write JSON lines, atomically."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    write_text(path, "".join(line + "\n" for line in lines))


def read_rows(path: str | os.PathLike) -> list[dict]:
    """Read JSON lines, UTF-8 with or without a byte order mark.

    LetheError names the file and line of anything that is not a row: not an object, a key given
    twice, an invalid number (NaN, infinite, thousands of digits), half a surrogate pair in a text.
    """
    # Only "\n" ends a row: JSON strings may hold other line separators (U+2028).
    lines = enumerate(read_text(path).split("\n"), start=1)
    return [_row(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _row(line: str, place: str) -> dict:
    try:
        row = strict_json(line)
    except json.JSONDecodeError as error:
        raise LetheError(
            f"{place}: not valid JSON ({error.msg}); write one object on each line"
        ) from None
    except MALFORMED as error:
        raise LetheError(f"{place}: cannot be read ({error}); correct or remove the row") from None
    if not isinstance(row, dict):
        raise LetheError(
            f"{place}: expected an object, found {line[:40]!r}; write one object on each line"
        )
    # Only an escape can produce half a pair; UTF-8 cannot encode one.
    if "\\u" in line and _half(row):
        raise LetheError(
            f"{place}: a text with half a surrogate pair, which no tokenizer accepts; correct or "
            "remove the row"
        )
    return row


def strict_json(text: str) -> Any:
    """The value of a JSON text; one of ``MALFORMED`` for a key given twice or an invalid number."""
    return json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return unique


def _half(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_half(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_half, value))
    return isinstance(value, str) and has_lone_surrogate(value)


def read_lines(path: str | os.PathLike) -> list[str]:
    """Plain lines of text, blank ones left out; a missing file is a LetheError that names it."""
    return [line.strip() for line in read_text(path).split("\n") if line.strip()]


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
