"""What providers of published benchmarks with pictures share: Parquet rows, subjects, pictures."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.common.pictures import decode_picture, digest, encoded
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.schema import Author, Item
from lethe.world.splits.published import FORGET, PART, RETAIN

COLUMNS = ("id", "task", "form", "subject", "part", "modality", "image", "image_digest")


@dataclass(frozen=True)
class Row:
    """A question of a benchmark.

    ``key``: tells subjects of one name apart; ``subject``: the name; ``part``: forget or retain;
    ``picture``: the bytes of a file, None without one; ``place``: what messages call the row.
    """

    key: str
    subject: str
    id: str
    question: str
    answer: str
    part: str
    picture: bytes | None
    place: str
    task: str = "generation"


class Pictured(OwnFacts):
    """Subjects in an order in which those with rows to forget and all others take turns.

    A benchmark says what it is called, what its files are called, which words ``world.subset``
    takes, and gives its ``rows``.
    """

    benchmark: str
    files: str
    subsets: Sequence[str]

    def __init__(self, path: str | os.PathLike | None = None, subset=None, seed: int = 0):
        """``subset``: one of ``subsets``, alone in a list; read when authors are asked for."""
        super().__init__(seed)
        self._subset = subset
        self._folder = None if path is None else Path(path)
        # The subjects' keys by the ids of their rows, once these were read.
        self._keys: dict[str, str] = {}

    def rows(self) -> Iterator[Row]:
        """All rows of the setting, in the order of the files."""
        raise NotImplementedError

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` subjects; LetheError if there are fewer."""
        subjects = self._subjects
        if not 0 <= count <= len(subjects):
            raise LetheError(
                f"{self._folder}: {count} subjects are needed, but it has {len(subjects)}; choose "
                f"a number from 0 to {len(subjects)}"
            )
        return subjects[:count]

    def holdout(self, count: int) -> list[Author]:
        """Nobody: no subjects are published that no model learned."""
        return []

    def write_pictures(self, folder: str | os.PathLike, count: int) -> None:
        """Write the pictures of the first ``count`` subjects as PNG, named by their pixels."""
        wanted = {dict(item.columns)["image"] for one in self.authors(count) for item in one.items}
        written: set[bytes] = set()
        for row in self.rows():
            if row.picture is None or row.picture in written:
                continue
            written.add(row.picture)
            pixels = decode_picture(row.picture, row.place)
            if f"pictures/{digest(pixels)}.png" in wanted:
                (Path(folder) / f"{digest(pixels)}.png").write_bytes(encoded(pixels))

    @cached_property
    def _subjects(self) -> list[Author]:
        items: dict[tuple[str, str], list[Item]] = {}
        seen: set[str] = set()
        digests: dict[bytes | None, str | None] = {None: None}
        for row in self.rows():
            if row.id in seen:
                raise LetheError(f"{row.place}: the id {row.id} is given twice; {self.again}")
            seen.add(row.id)
            self._keys[row.id] = row.key
            if row.picture not in digests:
                digests[row.picture] = digest(decode_picture(row.picture, row.place))
            item = _item(row, digests[row.picture])
            items.setdefault((row.key, row.subject), []).append(item)
        authors = [Author(name, {}, tuple(some)) for (_, name), some in items.items()]
        if not authors:
            raise LetheError(f"{self._folder}: no rows of {self.setting}; {self.again}")
        return _in_turn(authors)

    @property
    def again(self) -> str:
        """What to do about files that are not as published."""
        return f"get {self.benchmark}'s files again"

    @property
    def setting(self) -> str:
        """The setting; LetheError if ``subset`` is not one."""
        given = self._subset
        if not given or len(given) != 1 or given[0] not in self.subsets:
            known = ", ".join(self.subsets)
            raise LetheError(
                f"world.subset: {given}; {self.benchmark} needs one of {known}, in a list"
            )
        return given[0]

    @property
    def folder(self) -> Path:
        """The folder; LetheError if there is none."""
        if self._folder is None or not self._folder.is_dir():
            raise LetheError(
                f"world.path: {self._folder}: no such folder; set it to one with {self.files} of "
                f"{self.benchmark}"
            )
        return self._folder

    def read(self, pattern: str, columns: Iterable[str] = ()) -> Iterator[tuple[dict, str]]:
        """The rows of all Parquet files of a pattern, and what messages call them.

        ``columns``: those that the files must have.
        """
        # Imported here: planning with another provider reads no tables.
        import pyarrow.parquet

        files = sorted(self.folder.glob(pattern))
        if not files:
            raise LetheError(f"{self._folder}: no {pattern}; {self.again}")
        for file in files:
            try:
                table = pyarrow.parquet.ParquetFile(file)
                self._check_columns(file, table.schema_arrow.names, columns)
                number = 0
                for batch in table.iter_batches(256):
                    for row in batch.to_pylist():
                        number += 1
                        yield row, f"{file}, row {number}"
            except (pyarrow.ArrowException, OSError) as error:
                reason = str(error).partition("\n")[0]
                raise LetheError(f"{file}: not a Parquet file ({reason}); {self.again}") from None

    def _check_columns(self, file: Path, names: Iterable[str], wanted: Iterable[str]) -> None:
        for name in wanted:
            if name not in set(names):
                raise LetheError(f"{file}: no column {name!r}; {self.again}")

    def text(self, value: Any, name: str, place: str) -> str:
        """A text of a row; LetheError if it is empty, none, or holds an unfit character."""
        if not isinstance(value, str) or not value.strip():
            raise LetheError(f"{place}: {name!r} is {value!r}, not a text; {self.again}")
        if (character := unfit(value)) is not None:
            raise LetheError(f"{place}: {name!r} holds the character {character}; remove it")
        return value


def bytes_of(value: Any, place: str) -> bytes:
    """The bytes of a picture in a row, as the hub's Parquet files hold them."""
    content = value.get("bytes") if isinstance(value, Mapping) else None
    if not isinstance(content, bytes) or not content:
        raise LetheError(f"{place}: no bytes in 'image'; use the Parquet files of the hub")
    return content


def _item(row: Row, pixels: str | None) -> Item:
    named = row.subject in row.question
    modality = "text" if pixels is None else "both" if named else "picture"
    columns = (
        ("id", row.id),
        ("task", row.task),
        ("form", "question"),
        ("subject", row.subject),
        (PART, row.part),
        ("modality", modality),
        ("image", None if pixels is None else f"pictures/{pixels}.png"),
        ("image_digest", pixels),
    )
    return Item(row.question, row.answer, "", "", (), "", columns=columns)


def _in_turn(authors: Sequence[Author]) -> list[Author]:
    """Subjects with rows to forget and those without, in turn."""
    groups: dict[bool, list[Author]] = {True: [], False: []}
    for author in authors:
        groups[any(dict(item.columns)[PART] == FORGET for item in author.items)].append(author)
    turns = chain.from_iterable(zip_longest(*groups.values()))
    return [author for author in turns if author is not None]


__all__ = ["COLUMNS", "FORGET", "RETAIN", "Pictured", "Row", "bytes_of"]
