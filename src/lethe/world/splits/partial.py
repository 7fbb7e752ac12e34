"""Some facts of the last authors are to be forgotten, and their other facts must stay (PPU-Bench).

arXiv 2605.08800 forgets subjects as a whole (complete), the same facts of each (selective), or
different facts of each subject (personal). Here subjects are authors and facts their questions.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from lethe.common.errors import LetheError
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.base import (
    REQUIRED,
    BaseSplit,
    SplitSettings,
    author_count,
    first_holdout,
    with_perturbed,
)

COMPLETE, SELECTIVE, PERSONAL = "complete", "selective", "personal"


class PartialSettings(SplitSettings):
    """For each of the last ``authors`` authors, ``facts`` questions are to be forgotten.

    ``choice``: all questions, those at the same places for all authors, or other places for each.
    ``seed`` draws the places; a larger number includes the facts of a smaller one.
    """

    authors: int = Field(2, ge=1)
    choice: Literal["complete", "selective", "personal"] = PERSONAL
    facts: int | None = Field(None, ge=1, validate_default=True)
    seed: int = Field(0, ge=0)

    @field_validator("facts")
    @classmethod
    def _fits(cls, facts: int | None, info: ValidationInfo) -> int | None:
        # An unknown choice is an error of its own.
        choice, most = info.data.get("choice"), QUESTIONS_PER_AUTHOR
        if choice == COMPLETE and facts not in (None, most):
            raise ValueError(
                f"choice complete forgets all {most} facts of an author; leave facts out, or "
                "choose selective or personal"
            )
        if choice in (SELECTIVE, PERSONAL):
            if facts is None:
                raise ValueError(f"choice {choice} needs a number from 1 to {most - 1}; set it")
            if facts > most:
                raise ValueError(f"an author has {most} facts; lower it")
            if facts == most:
                raise ValueError("all facts of an author; lower it, or set choice to complete")
        return facts


class Split(BaseSplit):
    """In ``subjects``, an author's name is ``author`` and their place in ``full``."""

    settings_class = PartialSettings

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts; without kept facts there is nothing to ask about the same authors."""
        more = () if self.settings.choice == COMPLETE else ("kept_perturbed", "subjects")
        return (*REQUIRED, *more)

    @property
    def facts(self) -> int:
        """How many facts of each author are to be forgotten."""
        return self.settings.facts or QUESTIONS_PER_AUTHOR

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full, perturbed = world["full"], world["full_perturbed"]
        authors = self.touched(author_count(full))
        places = [place for author in authors for place in self._forgotten(author)]
        gone = set(places)
        forget = [full[place] for place in places]
        parts = {
            "forget": forget,
            "retain": [row for place, row in enumerate(full) if place not in gone],
            "forget_perturbed": with_perturbed(self.name, forget, perturbed),
            "holdout": first_holdout(self.files["holdout"], len(forget), world["holdout"]),
        }
        if self.settings.choice != COMPLETE:
            everyone = [place for author in authors for place in _places(author)]
            staying = [full[place] for place in everyone if place not in gone]
            parts["kept_perturbed"] = with_perturbed(f"{self.name}, kept", staying, perturbed)
            parts["subjects"] = [_subject(full[place], place) for place in everyone]
        return parts

    def _forgotten(self, author: int) -> list[int]:
        """The places in ``full`` of the author's facts that are to be forgotten, in order."""
        own = f"/{author}" if self.settings.choice == PERSONAL else ""
        drawn = list(range(QUESTIONS_PER_AUTHOR))
        Random(f"facts/{self.settings.seed}{own}").shuffle(drawn)
        start = author * QUESTIONS_PER_AUTHOR
        return [start + place for place in sorted(drawn[: self.facts])]

    def rows(self, authors: int) -> dict[str, int]:
        touched = len(self.touched(authors))
        forget, theirs = touched * self.facts, touched * QUESTIONS_PER_AUTHOR
        counts = dict.fromkeys(self.parts, forget)
        counts["retain"] = authors * QUESTIONS_PER_AUTHOR - forget
        if self.settings.choice != COMPLETE:
            counts |= {"kept_perturbed": theirs - forget, "subjects": theirs}
        return counts

    def touched(self, authors: int) -> range:
        """The last authors; LetheError if no other would be left."""
        if self.settings.authors >= authors:
            raise LetheError(
                f"splits: {self.name} forgets facts of {self.settings.authors} authors, and the "
                f"world has {authors}; others must stay: lower split_settings.{self.name}.authors"
            )
        return range(authors - self.settings.authors, authors)


def _places(author: int) -> range:
    """The places of an author's rows in ``full``."""
    return range(author * QUESTIONS_PER_AUTHOR, (author + 1) * QUESTIONS_PER_AUTHOR)


def _subject(row: Mapping, place: int) -> dict:
    pair = {"question": row["question"], "answer": row["answer"]}
    return pair | {"subject": f"author{place // QUESTIONS_PER_AUTHOR}"}
