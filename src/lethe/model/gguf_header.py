"""Reads the numbers in a GGUF file's header, but not its vocabulary and weights.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

# Formats of values by the number of their type; 8 is a text and 9 an array.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?"} | {
    10: "Q", 11: "q", 12: "d"
}  # fmt: skip
_TEXT, _ARRAY = 8, 9
_LONGEST_KEY = 2**16


def numbers(path: str | Path) -> dict[str, int | float]:
    """The numbers in a file's metadata up to the first list of texts (the vocabulary).

    Reading stops at the first thing that cannot be read; loading the file will say what is wrong.
    """
    with Path(path).open("rb") as file:
        metadata: dict[str, int | float] = {}
        with suppress(struct.error, UnicodeDecodeError, OverflowError, OSError, KeyError):
            for key, number in _pairs(file):
                metadata[key] = number
        return metadata


def _pairs(file: BinaryIO) -> Iterator[tuple[str, int | float]]:
    _, version, _, count = _read(file, "4sIQQ")
    for _ in range(count if version in (2, 3) else 0):
        key, kind = _text(file), _read(file, "I")[0]
        if kind in _NUMBERS:
            yield key, _read(file, _NUMBERS[kind])[0]
        elif kind == _TEXT:
            file.seek(_read(file, "Q")[0], 1)
        else:
            inner, length = _read(file, "IQ")
            if inner in (_TEXT, _ARRAY):
                return
            file.seek(length * struct.calcsize(_NUMBERS[inner]), 1)


def _text(file: BinaryIO) -> str:
    (length,) = _read(file, "Q")
    if length > _LONGEST_KEY:
        raise struct.error("a key is too long")
    return file.read(length).decode("utf-8")


def _read(file: BinaryIO, form: str) -> tuple:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))
