"""PPU-Bench's evaluation rows: questions that models are asked and never learn.

Files ``ppu_eval*.parquet`` have the columns ``sample_id``, ``subject_id``, ``task_type``
(generation, cloze or classification), ``modality`` (qa or vqa; text or text_image on the hub),
``question``, ``answer_text``, ``answer_label``, ``option_a`` to ``option_d`` and ``image``. For the
cross-image test a folder ``testset_images`` has one folder for each subject, with other pictures of
the subject: 002, 003 and 004, as JPEG or PNG.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.pictures import decode_picture, digest, encoded, read_picture
from lethe.world.providers._pictured import Pictured, bytes_of
from lethe.world.rows import OPTION_FIELDS
from lethe.world.splits.published import CROSS, CROSS_IMAGES, FORGET, PART, RETAIN, TASKS

FILES, OTHER_PICTURES = "ppu_eval*.parquet", "testset_images"
GENERATION, CLOZE, CLASSIFICATION = "generation", "cloze", "classification"
TEXT, PICTURE = "qa", "vqa"
MODALITIES = {TEXT: TEXT, PICTURE: PICTURE, "text": TEXT, "text_image": PICTURE}
LETTERS = ("A", "B", "C", "D")
OPTIONS = tuple(f"option_{letter.lower()}" for letter in LETTERS)
COLUMNS = ("sample_id", "subject_id", "task_type", "modality", "question")
ENDINGS = (".jpg", ".jpeg", ".png")
# Columns that may be whole numbers; all others are texts.
IDS = ("sample_id", "subject_id")
PLACEHOLDER = re.compile(r"\s*<image>\s*")


def written(value: Any, name: str) -> Any:
    """A column's value, as text if it is an id by number."""
    return str(value) if isinstance(value, int) and name in IDS else value


class Tasks:
    """The questions about some subjects, given by id with their names.

    ``part``: of a subject and a row's id, whether it is to be forgotten, stays, or neither (None).
    ``folder``: where the pictures are written as PNG, named by their pixels; None: nowhere.
    ``place``: what ``image`` calls that folder.
    """

    def __init__(
        self,
        source: Pictured,
        subjects: Mapping[str, str],
        part: Callable[[str, str], str | None],
        folder: Path | None = None,
        place: str = "pictures",
    ):
        self._source, self._subjects, self._part = source, subjects, part
        self._folder, self._place = folder, place
        self._digests: dict[Any, str] = {}

    def parts(self) -> dict[str, list[dict]]:
        """Rows by part of the split, in each of them one of every task and modality in turn.

        LetheError names a row in another form, or a picture that is missing or cannot be read.
        """
        own = {FORGET: [], RETAIN: []}
        for row in self._rows():
            own[row[PART]].append(row)
        parts = {TASKS[name]: _in_turn(rows) for name, rows in own.items()}
        shown = [row for row in parts[TASKS[FORGET]] if row["modality"] == PICTURE]
        for number in self._numbers(shown):
            parts[CROSS.format(number)] = [self._with_other(row, number) for row in shown]
        for name, rows in parts.items():
            if name in TASKS.values() and not rows:
                raise LetheError(
                    f"{self._source.folder}: {FILES}: no row of {name} about the world's "
                    "subjects; raise world.authors, or set the split's tasks to false"
                )
        return parts

    def _rows(self) -> Iterator[dict]:
        seen: set[tuple[str, ...]] = set()
        for row, place in self._source.read(FILES, COLUMNS):
            made = self._row(row, place)
            key = (made["task"], made["modality"], made["id"])
            if key in seen:
                raise LetheError(f"{place}: {' '.join(key)} is given twice; {self._source.again}")
            seen.add(key)
            subject = str(row["subject_id"])
            part = self._part(subject, made["id"]) if subject in self._subjects else None
            if part is None:
                continue
            image = self._picture(row, place) if made["modality"] == PICTURE else {}
            yield made | {"subject": self._subjects[subject], PART: part} | image

    def _row(self, row: Mapping, place: str) -> dict:
        """A row in Lethe's form, without subject, part and picture."""
        for name in COLUMNS:
            self._source.text(written(row[name], name), name, place)
        task, modality = row["task_type"], MODALITIES.get(row["modality"])
        if task not in (GENERATION, CLOZE, CLASSIFICATION):
            raise LetheError(f"{place}: the task {task!r} is unknown; {self._source.again}")
        if modality is None:
            known = ", ".join(MODALITIES)
            raise LetheError(f"{place}: modality {row['modality']!r}, not one of {known}")
        question = PLACEHOLDER.sub(" ", row["question"]).strip()
        self._source.text(question, "question", place)
        columns = {"id": str(row["sample_id"]), "task": task, "form": "task"}
        empty = {"modality": modality, "image": None, "image_digest": None}
        if task == CLASSIFICATION:
            answer, options = self._label(row, place), self._options(row, place)
        else:
            answer, options = self._source.text(row.get("answer_text"), "answer_text", place), {}
        return {"question": question, "answer": answer} | columns | empty | options

    def _label(self, row: Mapping, place: str) -> str:
        label = str(row.get("answer_label") or "").strip().upper()
        if label not in LETTERS:
            raise LetheError(
                f"{place}: 'answer_label' is {row.get('answer_label')!r}, not A, B, C or D; "
                f"{self._source.again}"
            )
        return label

    def _options(self, row: Mapping, place: str) -> dict[str, str]:
        texts = [self._source.text(row.get(name), name, place) for name in OPTIONS]
        return dict(zip(OPTION_FIELDS, texts, strict=True))

    def _picture(self, row: Mapping, place: str) -> dict[str, str]:
        """The columns of a row's own picture."""
        given = row.get("image")
        content = given if isinstance(given, bytes) and given else bytes_of(given, place)
        return self._columns(content, lambda: decode_picture(content, place))

    def _columns(self, key: Any, pixels: Callable) -> dict[str, str]:
        """The columns of a picture, which is decoded and written once."""
        if key not in self._digests:
            decoded = pixels()
            self._digests[key] = digest(decoded)
            if self._folder is not None:
                (self._folder / f"{self._digests[key]}.png").write_bytes(encoded(decoded))
        name = self._digests[key]
        return {"image": f"{self._place}/{name}.png", "image_digest": name}

    # --- other pictures of the subjects ---

    def _numbers(self, shown: Iterable[Mapping]) -> list[int]:
        """The test sets that have a picture of a subject; they must have one of each of them."""
        subjects = list(dict.fromkeys(row["subject"] for row in shown))
        if not self._root.is_dir():
            return []
        there = {one: [n for n in CROSS_IMAGES if self._others(one, n)] for one in subjects}
        numbers = sorted({number for some in there.values() for number in some})
        for one, some in there.items():
            for number in numbers:
                if number not in some:
                    raise LetheError(
                        f"{self._root}: no picture {number:03d} of {one}, but of others; add "
                        f"{one}/{number:03d}.jpg"
                    )
        return numbers

    def _with_other(self, row: Mapping, number: int) -> dict:
        """A row with another picture of its subject."""
        path, *more = self._others(row["subject"], number)
        if more:
            raise LetheError(f"{self._root}: {path} and {more[0]} are both there; keep one")
        # Paths are relative to the folder of the provider, which no link may leave.
        folder = self._source.folder
        name = f"{OTHER_PICTURES}/{path}"
        return {**row} | self._columns(name, lambda: read_picture(name, folder))

    def _others(self, subject: str, number: int) -> list[str]:
        """The files with a subject's picture of a test set, by their paths below the root."""
        folder = self._folders.get(subject) or self._plain_folders.get(_plain(subject))
        if folder is None:
            return []
        names = [f"{number:03d}", f"{number:02d}", str(number)]
        files = [f"{name}{ending}" for name in names for ending in ENDINGS]
        return [f"{folder}/{file}" for file in files if (self._root / folder / file).exists()]

    @cached_property
    def _root(self) -> Path:
        return self._source.folder / OTHER_PICTURES

    @cached_property
    def _folders(self) -> dict[str, str]:
        return {path.name: path.name for path in sorted(self._root.iterdir()) if path.is_dir()}

    @cached_property
    def _plain_folders(self) -> dict[str, str]:
        """Folders by their plain names; LetheError if two have the same."""
        plain: dict[str, str] = {}
        for name in self._folders:
            other = plain.setdefault(_plain(name), name)
            if other != name:
                raise LetheError(
                    f"{self._root}: the folders {other} and {name} may be of one subject; rename "
                    "or remove one"
                )
        return plain


def _plain(name: str) -> str:
    """A name in lower case, without accents and marks."""
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", "".join(letters).casefold()).split())


def _in_turn(rows: Iterable[dict]) -> list[dict]:
    """Rows in an order in which a beginning has every task and modality alike often."""
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["modality"]), []).append(row)
    turns = chain.from_iterable(zip_longest(*groups.values()))
    return [row for row in turns if row is not None]
