"""EDU-RELAT (wrh14/deep_unlearning): facts about relatives, and which must go together.

The folder at ``world.path`` has ``edu_relat.json``, which a user makes of the published files as
docs/entailed.md says: those are pickles, and unpickling runs code. It has

    relationships   question and answer of each fact about two relatives, in the published order
    biographies     the same of facts about one person
    targets         places of facts in ``relationships``, from 0, in the published order
    minimal_sets    by target, as a text: the published sets of places that must go together

The authors of this world are the two lists. All rows are learned.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import MALFORMED, read_text, strict_json
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.record_files import text_field
from lethe.world.schema import Author, Item

SETTINGS = ("path",)
# True facts, refusals and a base's background are Lethe's own.
FACT_FILES = ()
LIKE = "synthetic"
SPLIT_KIND = "edu_relat"
READS = ("edu_relat.json",)
COLUMNS = ("part", "number", "minimal_sets")

FILE = "edu_relat.json"
PARTS = ("relationships", "biographies")
KEYS = (*PARTS, "targets", "minimal_sets")
FIELDS = ("question", "answer")
# How a zip archive and a bare pickle begin: what torch.save writes.
PICKLED = (b"PK\x03\x04", b"\x80")
_CONVERT = "convert EDU-RELAT's files to edu_relat.json as docs/entailed.md says"


class Provider(OwnFacts):
    """The facts in the published order, the targets with their minimal sets."""

    def __init__(self, path: str | os.PathLike | None = None, seed: int = 0):
        """Choose the folder; its file is read when authors are asked for.

        ``seed`` changes nothing, since the data are fixed; all providers get one.
        """
        super().__init__(seed)
        self._path = path

    def authors(self, count: int) -> list[Author]:
        """Relationships and biographies; LetheError unless ``count`` is 2."""
        if count != len(PARTS):
            raise LetheError(
                f"config: world.authors: {count}, but a world of edu_relat has {len(PARTS)}: its "
                f"relationships and its biographies; set it to {len(PARTS)}"
            )
        return [Author(part, {}, self._items(part)) for part in PARTS]

    def holdout(self, count: int) -> list[Author]:
        """Nobody; LetheError unless ``count`` is 0."""
        if count:
            raise LetheError(
                f"config: world.holdout_authors: {count}, but edu_relat has no people whom no "
                "model knows; set it to 0"
            )
        return []

    def _items(self, part: str) -> tuple[Item, ...]:
        content = self._content
        numbers = {place: number for number, place in enumerate(content["targets"])}
        return tuple(
            _item(row, part, *_as_target(place, numbers, content) if part == PARTS[0] else ("", ""))
            for place, row in enumerate(content[part])
        )

    @cached_property
    def _content(self) -> dict[str, Any]:
        """The file's content, all of it checked."""
        file = _file(self._path)
        content = _read(file)
        _check_keys(content, KEYS, str(file))
        _check_rows(content, file)
        _check_targets(content, file)
        for target in content["targets"]:
            _check_sets(content, target, file)
        return content


def _as_target(place: int, numbers: Mapping[int, int], content: Mapping) -> tuple[str, str]:
    """Number and minimal sets of a fact, as texts; empty ones if it is no target."""
    if place not in numbers:
        return "", ""
    return str(numbers[place]), json.dumps(content["minimal_sets"][str(place)])


def _item(row: Mapping[str, str], part: str, number: str, sets: str) -> Item:
    columns = zip(COLUMNS, (part, number, sets), strict=True)
    texts = (text_field(row, field, part) for field in FIELDS)
    return Item(*texts, "", "", (), "", columns=tuple(columns))


def _file(path: str | os.PathLike | None) -> Path:
    if path is None:
        raise LetheError(f"world.path: null; set it to a folder with {FILE} (docs/entailed.md)")
    folder = Path(path)
    if folder.suffix == ".pt" or (folder.is_dir() and not (folder / FILE).is_file()):
        if folder.suffix == ".pt" or any(folder.glob("*.pt")):
            raise LetheError(f"{folder}: files of PyTorch are not unpickled; {_CONVERT}")
        raise LetheError(f"{folder}: no {FILE}; {_CONVERT}")
    if not folder.is_dir():
        raise LetheError(f"{folder}: no such folder; set world.path to that with {FILE}")
    return folder / FILE


def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as handle:
        if handle.read(4).startswith(PICKLED):
            raise LetheError(f"{file}: a file of PyTorch, which is not unpickled; {_CONVERT}")
    try:
        content = strict_json(read_text(file))
    except MALFORMED as error:
        raise LetheError(f"{file}: not valid JSON ({error}); {_CONVERT} again") from None
    if not isinstance(content, dict):
        raise LetheError(f"{file}: not an object with {', '.join(KEYS)}; {_CONVERT}")
    return content


def _check_keys(given: Any, wanted: Sequence[str], place: str) -> None:
    if not isinstance(given, dict) or sorted(given) != sorted(wanted):
        has = ", ".join(map(repr, given)) if isinstance(given, dict) and given else "no key"
        raise LetheError(f"{place}: has {has}, not {', '.join(wanted)}; {_CONVERT}")


def _check_rows(content: Mapping, file: Path) -> None:
    """LetheError for what is no row, and for a question that is there twice."""
    asked: dict[str, str] = {}
    for part in PARTS:
        if not isinstance(content[part], list) or not content[part]:
            raise LetheError(f"{file}: {part!r} is no list of rows; {_CONVERT}")
        for number, row in enumerate(content[part]):
            place = f"{file}, {part} {number}"
            _check_keys(row, FIELDS, place)
            for field in FIELDS:
                text_field(row, field, place)
            question = row["question"].strip()
            if question in asked:
                raise LetheError(f"{place}: asks what {asked[question]} asks; remove one of them")
            asked[question] = f"{part} {number}"


def _check_targets(content: Mapping, file: Path) -> None:
    targets, sets = content["targets"], content["minimal_sets"]
    _check_places(targets, len(content[PARTS[0]]), f"{file}, targets")
    if not isinstance(sets, dict) or sorted(sets) != sorted(map(str, targets)):
        raise LetheError(
            f"{file}: the keys of 'minimal_sets' are not the targets, each as a text; {_CONVERT}"
        )


def _check_sets(content: Mapping, target: int, file: Path) -> None:
    place = f"{file}, minimal_sets of {target}"
    sets, facts = content["minimal_sets"][str(target)], len(content[PARTS[0]])
    if not isinstance(sets, list) or not sets:
        raise LetheError(f"{place}: no list of sets; {_CONVERT}")
    for number, one in enumerate(sets):
        _check_places(one, facts, f"{place}, set {number}")
        if target not in one:
            raise LetheError(f"{place}, set {number}: lacks the target {target}; add it")
        if len(one) == facts:
            raise LetheError(f"{place}, set {number}: all facts, so none can stay; add facts")
        smaller = [other for other, some in enumerate(sets[:number]) if {*some} <= {*one}]
        larger = [other for other, some in enumerate(sets[:number]) if {*one} < {*some}]
        if smaller or larger:
            first, second = (number, smaller[0]) if smaller else (larger[0], number)
            raise LetheError(
                f"{place}, set {first}: not minimal, since it has all of set {second}; remove it"
            )


def _check_places(places: Any, facts: int, where: str) -> None:
    """LetheError unless these are places in the list of relationships, each once."""
    if not isinstance(places, list) or not places:
        raise LetheError(f"{where}: no list of places; {_CONVERT}")
    for place in places:
        if type(place) is not int or not 0 <= place < facts:
            raise LetheError(
                f"{where}: {place!r} is no place from 0 to {facts - 1}, the relationships; "
                "correct it"
            )
    if len({*places}) < len(places):
        twice = next(place for place in places if places.count(place) > 1)
        raise LetheError(f"{where}: {twice} is given twice; remove one")
