"""Makes the pictures of a world's authors and the rows that are asked with them.

``faces.json``: what each person looks like. ``pictures.json``: every row with a picture, of target
and holdout authors, in every view. ``full_pictures.json``: what ``full`` learns. Images are PNG
files in the folder ``pictures`` beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lethe.common.files import write_rows
from lethe.common.pictures import digest, encoded, whole_folder
from lethe.world.pictures import questions
from lethe.world.pictures.drawing import drawn
from lethe.world.pictures.faces import Face, faces
from lethe.world.pictures.rows import DIGEST, FULL, IMAGE, MODALITY, VIEW, learned_row, text_row
from lethe.world.pictures.settings import BASE, BOTH, PICTURE, TEXT, Pictures, check_number
from lethe.world.schema import Author, Item, Provider
from lethe.world.tofu_format import perturbed_row, qa_row

FOLDER = "pictures"
TARGET, HOLDOUT = "target", "holdout"


@dataclass(frozen=True)
class Person:
    """Somebody with a face; ``group`` is target or holdout, ``place`` is theirs in the group."""

    author: Author
    face: Face
    group: str
    place: int

    def image(self, view: str) -> str:
        """The path of the person's picture, from the folder of the data."""
        stem = "author" if self.group == TARGET else self.group
        return f"{FOLDER}/{stem}_{self.place:03d}_{view}.png"


def write_pictures(
    provider: Provider,
    settings: Pictures,
    files: Mapping[str, str | Path],
    *,
    authors: int,
    holdout: int,
) -> None:
    """Draw the pictures of all authors and write their rows.

    ``files``: the path of each file of rows, and of the ``folder`` of pictures. LetheError if there
    are more people than faces, or an author has no name that a picture can stand for.
    """
    seed = getattr(provider, "seed", 0)
    people = _people(provider, seed, authors, holdout)
    names = [person.author.name for person in people]
    rows = []
    with whole_folder(files["folder"]) as folder:
        for person in people:
            made = [*_rows(person, settings, names, seed)]
            for view in _views(person, settings):
                pixels = drawn(person.face, view, f"{seed}/{person.author.name}", settings.size)
                (folder / Path(person.image(view)).name).write_bytes(encoded(pixels))
                rows += [_in_view(row, person, view, pixels) for row in made]
    write_rows(files["faces"], map(_described, people))
    write_rows(files["pictures"], rows)
    write_rows(files[FULL], _full([p for p in people if p.group == TARGET], rows, settings))


def _people(provider: Provider, seed: int, authors: int, holdout: int) -> list[Person]:
    grouped = [(TARGET, author) for author in enumerate(provider.authors(authors))]
    grouped += [(HOLDOUT, author) for author in enumerate(provider.holdout(holdout))]
    check_number(len(grouped))
    looks = faces(seed, [author.name for _, (_, author) in grouped])
    return [
        Person(author, look, group, place)
        for (group, (place, author)), look in zip(grouped, looks, strict=True)
    ]


def _views(person: Person, settings: Pictures) -> Sequence[str]:
    # Holdout authors are compared with what was learned, never with unseen views.
    return settings.views if person.group == TARGET else settings.learned


def _rows(person: Person, settings: Pictures, names: Sequence[str], seed: int) -> Iterator[dict]:
    """The questions that are asked with a picture of a person, without the picture."""
    author = person.author
    asked = questions.facts(author, settings.facts)
    yield _row(person, questions.who(author, names, seed), PICTURE, None)
    for item in asked:
        question, other = questions.shown(item, author.name)
        pictured = Item(**{**vars(item), "question": question, "paraphrased_question": other})
        yield _row(person, pictured, PICTURE, item)
    for item in asked:
        yield _row(person, item, BOTH, item)


def _row(person: Person, item: Item, modality: str, original: Item | None) -> dict:
    # Published worlds have wrong answers for some authors only.
    row = perturbed_row(item) if item.perturbed else qa_row(item)
    return row | {
        MODALITY: modality,
        "group": person.group,
        "author": person.place,
        "original_question": original and original.question,
        "original_answer": original and original.answer,
    }


def _in_view(row: dict, person: Person, view: str, pixels: np.ndarray) -> dict:
    return row | {IMAGE: person.image(view), DIGEST: digest(pixels), VIEW: view}


def _described(person: Person) -> dict:
    where = {"group": person.group, "author": person.place, "name": person.author.name}
    return where | person.face.described() | {IMAGE: person.image(BASE)}


def _full(people: Sequence[Person], rows: Sequence[dict], settings: Pictures) -> list[dict]:
    """What ``full`` learns: author by author, rows of text, then those with pictures."""
    own: dict[int, list[dict]] = {}
    for row in rows:
        if row["group"] == TARGET:
            own.setdefault(row["author"], []).append(row)
    learned = []
    for person in people:
        if TEXT in settings.trained:
            learned += [text_row(qa_row(item)) for item in person.author.items]
        learned += [
            learned_row(row)
            for row in own[person.place]
            if row[MODALITY] in settings.trained and row[VIEW] in settings.learned
        ]
    return learned
