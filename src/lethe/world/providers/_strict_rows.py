"""The rows of a benchmark's published file, whose columns must be those it was published with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world.record_files import read_records, text_field
from lethe.world.schema import Item


def pairs(file: Path, fields: tuple[str, str], repeats: bool = False) -> list[tuple[str, str]]:
    """The two texts of every row of a JSON list or of JSON lines, as they are.

    LetheError for other columns, for what is no text, and, unless there may be ``repeats``, for a
    row that is there twice.
    """
    made: list[tuple[str, str]] = []
    first: dict[tuple[str, str], int] = {}
    for number, row in enumerate(read_records(file), start=1):
        place = f"{file}, row {number}"
        if set(row) != set(fields):
            has = ", ".join(map(repr, row)) or "no key"
            raise LetheError(f"{place}: has {has}, not {' and '.join(fields)}; get the file again")
        for field in fields:
            text_field(row, field, place)
        pair = tuple(row[field] for field in fields)
        if not repeats and pair in first:
            raise LetheError(f"{place}: the same as row {first[pair]}; remove one of them")
        first.setdefault(pair, number)
        made.append(pair)
    return made


def check_apart(texts: Mapping[Path, Sequence[str]], remedy: str) -> None:
    """LetheError, which ends with ``remedy``, names a text that two of the files have."""
    where: dict[str, Path] = {}
    for file, some in texts.items():
        for text in dict.fromkeys(some):
            if text in where:
                raise LetheError(f"{file}: has {text[:60]!r}, as {where[text].name} has; {remedy}")
        where |= dict.fromkeys(some, file)


def item(question: str, answer: str, **columns: str) -> Item:
    """A row without paraphrase and wrong answers."""
    return Item(question, answer, "", "", (), "", columns=tuple(columns.items()))
