"""A split of a world with pictures: an author's rows with pictures go where the text rows go.

Any split of authors or of their questions can be wrapped, and so can a request of a sequence. A row
with a picture belongs to the part that has the row of text that it was made of. The question who
somebody is belongs to the author as a whole: it is forgotten with the last of the author's facts,
and stays as long as one of them does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random

from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.world.pictures.rows import (
    DIGEST,
    IMAGE,
    MODALITY,
    VIEW,
    asked_row,
    learned_row,
    text_row,
)
from lethe.world.pictures.settings import BASE, BOTH, PICTURE, TEXT, Pictures
from lethe.world.rows import read_qa
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.split import contract
from lethe.world.splits.base import BaseSplit

# Parts of rows that are learned, and of rows that are asked, and what becomes of the question who
# somebody is if only some of the author's rows are in the part.
LEARNED = {"forget": all, "retain": any, "holdout": all, "without_asked": any}
ASKED = {"forget_perturbed": all, "retain_perturbed": all, "kept_perturbed": any}
# What is asked besides, each in a part of its own; there are also parts for each unseen view.
CONTROLS = (
    *("forget_by_text", "forget_by_picture", "forget_by_both"),
    *("forget_no_picture", "forget_other_picture", "retain_by_picture"),
)
UNSEEN, RETAIN_UNSEEN = "forget_view_", "retain_unseen"
NOTHING = {IMAGE: None, DIGEST: None, VIEW: None}
READS = ("full", "full_perturbed", "retain_perturbed", "holdout")


class Pictured(BaseSplit):
    """``source`` in a world with pictures; ``probes``: the authors whose rows are retain probes."""

    def __init__(self, source: BaseSplit, pictures: Pictures, probes: int):
        super().__init__(source.name, source.settings)
        self.source, self.pictures, self.probes = source, pictures, probes
        unseen = [f"{UNSEEN}{view}" for view in pictures.unseen]
        unseen += [RETAIN_UNSEEN] if unseen else []
        more = ("retain_perturbed", *CONTROLS, *unseen)
        self.parts = tuple(dict.fromkeys((*source.parts, *more)))
        self.required, self.oracles, self.asks_all = (
            source.required,
            source.oracles,
            source.asks_all,
        )

    @property
    def kind(self) -> str:
        return self.source.kind

    @property
    def files(self) -> dict[str, str]:
        own = self.source.files
        more = {part: f"{self.name}_{part.removeprefix('forget_')}" for part in self.parts}
        return {part: own.get(part, more[part]) for part in self.parts}

    @property
    def reads(self) -> tuple[str, ...]:
        """The world's files that the split is cut from, ``pictures`` among them."""
        return tuple(dict.fromkeys((*contract(self.kind).reads, *READS, "pictures")))

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        text = {"retain_perturbed": world["retain_perturbed"], **self.source.cut(world)}
        people = People(world)
        parts = self._with_pictures(text, people)
        if "subjects" in text:
            parts["subjects"] += _subjects(text["subjects"], people)
        return parts | self._controls(text, people)

    def _with_pictures(self, text: Mapping[str, Sequence[dict]], people: "People") -> dict:
        """The parts that are learned and asked, each with its rows with pictures."""
        parts = {part: list(rows) for part, rows in text.items()}
        for wholes, as_used in ((LEARNED, learned_row), (ASKED, asked_row)):
            for part, whole in wholes.items():
                if part in text:
                    shown = people.with_pictures(text[part], whole, self.pictures.learned)
                    rows = [*map(text_row, text[part]), *map(as_used, shown)]
                    parts[part] = self._trained(rows)
        return parts

    def _trained(self, rows: Iterable[dict]) -> list[dict]:
        return [row for row in rows if row[MODALITY] in self.pictures.trained]

    def _controls(self, text: Mapping[str, Sequence[dict]], people: "People") -> dict:
        """What is asked besides the sets that every world has."""
        forget, retain = text["forget_perturbed"], text["retain_perturbed"]
        shown, both = (people.asked(forget, (BASE,), name) for name in (PICTURE, BOTH))
        if not both:
            raise LetheError(
                f"splits: {self.name}: none of its facts is asked with a picture; raise "
                "world.pictures.facts"
            )
        parts = {
            "forget_by_text": [text_row(row) for row in forget],
            "forget_by_picture": [asked_row(row) for row in shown],
            "forget_by_both": [asked_row(row) for row in both],
            "forget_no_picture": [asked_row(row) | NOTHING for row in shown],
            "forget_other_picture": [
                asked_row(row) | people.of_another(row["author"]) for row in shown
            ],
            "retain_by_picture": [asked_row(r) for r in people.asked(retain, (BASE,), PICTURE)],
        }
        unseen = self.pictures.unseen
        for view in unseen:
            rows = people.asked(forget, (view,), PICTURE)
            parts[f"{UNSEEN}{view}"] = [asked_row(row) for row in rows]
        if unseen:
            rows = people.asked(retain, unseen, PICTURE)
            parts[RETAIN_UNSEEN] = [asked_row(row) for row in rows]
        return parts

    def rows(self, authors: int) -> dict[str, int]:
        """Rows of each part at most; fewer where only some facts are asked with pictures."""
        counts, own = dict(self.source.rows(authors)), self.pictures
        touched = len(self.touched(authors))
        # Authors only some of whose facts go have rows that stay.
        staying = authors if "kept_perturbed" in counts else authors - touched
        people = {"retain": staying, "retain_perturbed": self.probes}
        counts.setdefault("retain_perturbed", self.probes * QUESTIONS_PER_AUTHOR)
        pictured = own.rows_of_author(len(own.learned)) - own.rows_of_author(0)
        for part in (*LEARNED, *ASKED):
            if part in counts:
                text = counts[part] if TEXT in own.trained else 0
                counts[part] = text + people.get(part, touched) * pictured
        shown, probes = touched * (own.facts + 1), self.probes * (own.facts + 1)
        counts |= {part: shown for part in self.parts if part.startswith(UNSEEN)}
        counts |= dict.fromkeys(CONTROLS, shown)
        counts["forget_by_text"] = self.source.rows(authors)["forget"]
        counts["forget_by_both"] = touched * own.facts
        counts["retain_by_picture"] = probes
        if own.unseen:
            counts[RETAIN_UNSEEN] = len(own.unseen) * probes
        return counts

    def touched(self, authors: int) -> Sequence[int]:
        return self.source.touched(authors)

    def asked_about(self, authors: int) -> Sequence[int]:
        return self.source.asked_about(authors)

    def check_rows(self, full: Sequence[dict]) -> None:
        self.source.check_rows(full)

    def check_asked(self, world: Mapping[str, Sequence[dict]]) -> None:
        self.source.check_asked(world)

    def check_holdout(self, holdout: Sequence[dict]) -> None:
        self.source.check_holdout(holdout)


class People:
    """Finds the rows with pictures that belong to rows of text."""

    def __init__(self, world: Mapping[str, Sequence[dict]]):
        """``world``: the rows of ``full``, ``holdout`` and ``pictures``.

        LetheError if two authors have the same question and answer.
        """
        self._owner: dict[tuple[str, str], tuple[str, int]] = {}
        for group, name in (("target", "full"), ("holdout", "holdout")):
            for place, row in enumerate(world[name]):
                owner = (group, place // QUESTIONS_PER_AUTHOR)
                if self._owner.setdefault(_key(row), owner) != owner:
                    raise LetheError(
                        f"{name}, row {place + 1}: another author has the same question and "
                        "answer, so that its picture is unclear; set world.pictures to null"
                    )
        self._rows: dict[tuple[str, int], list[dict]] = {}
        for row in world["pictures"]:
            self._rows.setdefault((row["group"], row["author"]), []).append(row)

    def with_pictures(
        self,
        rows: Sequence[Mapping],
        whole: Callable[[Iterable[bool]], bool],
        views: Sequence[str],
    ) -> Iterator[dict]:
        """Rows with pictures in these ``views`` that belong to ``rows``, author by author.

        ``whole``: decides by which of an author's rows are among them whether the question who it
        is is, too.
        """
        there: dict[tuple[str, int], set] = {}
        for row in rows:
            there.setdefault(self._owner[_key(row)], set()).add(_key(row))
        for owner, keys in there.items():
            who = whole(key in keys for key in self._keys[owner])
            for row in self._rows[owner]:
                own = _original(row)
                if row[VIEW] in views and (who if own is None else own in keys):
                    yield row

    def asked(self, rows: Sequence[Mapping], views: Sequence[str], modality: str) -> list[dict]:
        """The rows of a modality that are asked in these views about what ``rows`` state."""
        return [r for r in self.with_pictures(rows, all, views) if r[MODALITY] == modality]

    def of_another(self, author: int) -> dict:
        """The columns of the base picture of another target author, for each a different one."""
        others = self._base
        number = len(others)
        turn = Random(f"other pictures/{number}").randrange(1, number)
        row = others[(author + turn) % number]
        return {key: row[key] for key in (IMAGE, DIGEST)}

    @cached_property
    def _keys(self) -> dict[tuple[str, int], list]:
        keys: dict[tuple[str, int], list] = {}
        for key, owner in self._owner.items():
            keys.setdefault(owner, []).append(key)
        return keys

    @cached_property
    def _base(self) -> list[dict]:
        """A row with the base picture of each target author, in their order."""
        targets = sorted(author for group, author in self._rows if group == "target")
        rows = (self._rows["target", author] for author in targets)
        return [next(row for row in some if row[VIEW] == BASE) for some in rows]

    def pictured(self, row: Mapping) -> list[dict]:
        """The rows with the base picture that were made of a row of text."""
        own = self._rows[self._owner[_key(row)]]
        return [one for one in own if one[VIEW] == BASE and _original(one) == _key(row)]


def write(split: Pictured, world: Mapping[str, str | Path], place: Callable[[str], Path]) -> None:
    """Cut a split and write its parts, with arguments like those of ``lethe.world.split.write``."""
    rows = {
        name: read_rows(world[name]) if name == "pictures" else read_qa(world[name], name != "full")
        for name in split.reads
    }
    parts = split.cut(rows)
    for part in split.files:
        write_rows(place(part), parts[part])


def _subjects(rows: Sequence[dict], people: People) -> list[dict]:
    """Whom the questions with pictures are about."""
    return [
        {"question": shown["question"], "answer": shown["answer"], "subject": row["subject"]}
        for row in rows
        for shown in people.pictured(row)
        if shown[MODALITY] == PICTURE
    ]


def _key(row: Mapping) -> tuple[str, str]:
    return row["question"], row["answer"]


def _original(row: Mapping) -> tuple[str, str] | None:
    if row["original_question"] is None:
        return None
    return row["original_question"], row["original_answer"]
