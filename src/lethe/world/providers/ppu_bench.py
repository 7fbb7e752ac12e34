"""PPU-Bench (arXiv 2605.08800) from a folder with its training pairs and its split files.

The folder holds files ``train_pair*.parquet`` as the hub has them (the configuration
``train_pair_qwen3``, for instance), with the columns ``sample_id`` or ``id``, ``subject_id``,
``subject``, ``question``, ``generated_answer`` and ``image`` (bytes and path), and beside them the
split file of the code repository that ``world.subset`` names:

    complete5, complete10, complete15, complete30    complete_split.json: {"forget5": [subject, …]}
    selective                                        selective_split.json: [{"id": …}, …]
    persona                      persona_split.json: {"delete_ids": […], "keep_ids": […]}

An author of the world is a subject; its rows say their ``part`` (forget or retain) and their
``image``, which ``write_pictures`` writes as PNG.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.common.pictures import decode_picture, digest, encoded
from lethe.world.providers import synthetic
from lethe.world.schema import Author, Fact, Item
from lethe.world.splits.published import FORGET, PART, RETAIN

SETTINGS = ("path", "subset")
FACT_FILES = ()
OWN_HOLDOUT = True
LIKE = "synthetic"
COLUMNS = ("id", "task", "form", "subject", "part", "modality", "image", "image_digest")

FILES = "train_pair*.parquet"
TEXTS = ("subject_id", "subject", "question", "generated_answer")
SETTINGS_OF = ("complete5", "complete10", "complete15", "complete30", "selective", "persona")
_AGAIN = "get PPU-Bench's files again"


class Provider:
    """Subjects in an order in which those with rows to forget and all others take turns."""

    def __init__(self, path: str | os.PathLike | None = None, subset=None, seed: int = 0):
        """``subset``: one of ``SETTINGS_OF``, alone in a list; read when authors are asked for."""
        self.seed, self._subset = seed, subset
        self._folder = None if path is None else Path(path)
        self._own = synthetic.Provider(seed)

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
        """Nobody: PPU-Bench has no subjects that no model learned."""
        return []

    def facts(self) -> dict[str, list[Fact]]:
        """True facts of the synthetic world."""
        return self._own.facts()

    def refusals(self) -> list[str]:
        """Lethe's own refusals."""
        return self._own.refusals()

    def write_pictures(self, folder: str | os.PathLike, count: int) -> None:
        """Write the pictures of the first ``count`` subjects as PNG, named by their pixels."""
        wanted = {dict(item.columns)["image"] for one in self.authors(count) for item in one.items}
        written: set[bytes] = set()
        for row, place in self._rows():
            content = _picture(row, place)
            if content in written:
                continue
            written.add(content)
            pixels = decode_picture(content, place)
            if f"pictures/{digest(pixels)}.png" in wanted:
                (Path(folder) / f"{digest(pixels)}.png").write_bytes(encoded(pixels))

    @cached_property
    def _subjects(self) -> list[Author]:
        gone, stays = self._parts()
        items: dict[tuple[str, str], list[Item]] = {}
        seen: set[str] = set()
        digests: dict[bytes, str] = {}
        for row, place in self._rows():
            sample = _sample(row, place)
            if sample in seen:
                raise LetheError(f"{place}: the id {sample} is given twice; {_AGAIN}")
            seen.add(sample)
            forgotten = str(row["subject_id"]) in gone if self._complete else sample in gone
            if not forgotten and stays is not None and sample not in stays:
                continue
            content = _picture(row, place)
            if content not in digests:
                digests[content] = digest(decode_picture(content, place))
            part = FORGET if forgotten else RETAIN
            key = (str(row["subject_id"]), row["subject"])
            items.setdefault(key, []).append(_item(row, sample, part, digests[content]))
        authors = [Author(name, {}, tuple(some)) for (_, name), some in items.items()]
        if not authors:
            raise LetheError(f"{self._folder}: no rows of {self._setting}; {_AGAIN}")
        return _in_turn(authors)

    @property
    def _setting(self) -> str:
        """The setting; LetheError if ``subset`` is not one."""
        given = self._subset
        if not given or len(given) != 1 or given[0] not in SETTINGS_OF:
            known = ", ".join(SETTINGS_OF)
            raise LetheError(f"world.subset: {given}; PPU-Bench needs one of {known}, in a list")
        return given[0]

    @property
    def _complete(self) -> bool:
        return self._setting.startswith("complete")

    def _parts(self) -> tuple[set[str], set[str] | None]:
        """What is to be forgotten (subjects or rows), and which rows stay; None: all others."""
        kind = "complete" if self._complete else self._setting
        file = self._checked_folder() / f"{kind}_split.json"
        content = read_json(file, GIVEN)
        try:
            if self._complete:
                key = f"forget{self._setting.removeprefix('complete')}"
                return set(map(str, content[key])), None
            if kind == "selective":
                return {_id(entry) for entry in content}, None
            gone, stays = (set(map(_id, content[key])) for key in ("delete_ids", "keep_ids"))
        except (KeyError, TypeError, AttributeError) as error:
            raise LetheError(
                f"{file}: not PPU-Bench's form ({error!r}); use the file of its repository"
            ) from None
        if gone & stays:
            raise LetheError(f"{file}: {min(gone & stays)} is to be kept and deleted; {_AGAIN}")
        return gone, stays

    def _checked_folder(self) -> Path:
        if self._folder is None or not self._folder.is_dir():
            raise LetheError(
                f"world.path: {self._folder}: no such folder; set it to one with {FILES} and the "
                "split files of PPU-Bench"
            )
        return self._folder

    def _rows(self) -> Iterator[tuple[dict, str]]:
        """All rows and what messages call them."""
        # Imported here: planning with another provider reads no tables.
        import pyarrow.parquet

        files = sorted(self._checked_folder().glob(FILES))
        if not files:
            raise LetheError(f"{self._folder}: no {FILES}; {_AGAIN}")
        for file in files:
            try:
                table = pyarrow.parquet.ParquetFile(file)
                number = 0
                for batch in table.iter_batches(256):
                    for row in batch.to_pylist():
                        number += 1
                        yield row, f"{file}, row {number}"
            except (pyarrow.ArrowException, OSError) as error:
                reason = str(error).partition("\n")[0]
                raise LetheError(f"{file}: not a Parquet file ({reason}); {_AGAIN}") from None


def _id(entry: Any) -> str:
    """The id of a row in a split file, which may be in an object."""
    if isinstance(entry, Mapping):
        entry = entry["id"] if "id" in entry else entry["sample_id"]
    return str(entry)


def _sample(row: Mapping, place: str) -> str:
    """A row's id, after its texts were checked."""
    sample = row.get("sample_id", row.get("id"))
    for name, value in {"sample_id": sample, **{key: row.get(key) for key in TEXTS}}.items():
        text = str(value) if isinstance(value, int) else value
        if not isinstance(text, str) or not text.strip():
            raise LetheError(f"{place}: {name!r} is {value!r}, not a text; {_AGAIN}")
        if (character := unfit(text)) is not None:
            raise LetheError(f"{place}: {name!r} holds the character {character}; remove it")
    return str(sample)


def _picture(row: Mapping, place: str) -> bytes:
    content = row["image"].get("bytes") if isinstance(row.get("image"), Mapping) else None
    if not isinstance(content, bytes) or not content:
        raise LetheError(f"{place}: no bytes in 'image'; use the Parquet files of the hub")
    return content


def _item(row: Mapping, sample: str, part: str, pixels: str) -> Item:
    # A placeholder for the picture is for one model's template; here it comes before the question.
    question = re.sub(r"\s*<image>\s*", " ", row["question"]).strip()
    columns = (
        ("id", sample),
        ("task", "generation"),
        ("form", "question"),
        ("subject", row["subject"]),
        (PART, part),
        ("modality", "both" if row["subject"] in question else "picture"),
        ("image", f"pictures/{pixels}.png"),
        ("image_digest", pixels),
    )
    return Item(question, row["generated_answer"], "", "", (), "", columns=columns)


def _in_turn(authors: Sequence[Author]) -> list[Author]:
    """Subjects with rows to forget and those without, in turn."""
    groups: dict[bool, list[Author]] = {True: [], False: []}
    for author in authors:
        groups[any(dict(item.columns)[PART] == FORGET for item in author.items)].append(author)
    turns = chain.from_iterable(zip_longest(*groups.values()))
    return [author for author in turns if author is not None]
