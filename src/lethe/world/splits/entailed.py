"""Facts that follow from others are to be forgotten: what must go so that they cannot be told.

EDU-RELAT (wrh14/deep_unlearning) asks whether a method that is given a fact forgets enough for it
not to be deduced. The world must state who is whose relative (provider ``families``).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, field_validator

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.world.families import RELATIONS, Fact, minimal_sets, read, related
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.base import (
    REQUIRED,
    BaseSplit,
    SplitSettings,
    author_count,
    first_holdout,
    with_perturbed,
)

# Authors of a family, and facts about relatives of each, as ``families`` makes them.
FAMILY, FACTS = 5, 4
TARGETS, MINIMAL = "targets", "minimal"


class EntailedSettings(SplitSettings):
    """The targets are all facts with one of ``relations`` in the last ``families`` families.

    ``give``: methods are given the targets alone, or for each target a smallest set of facts that
    must go, including the target.
    """

    families: int = Field(1, ge=1)
    relations: tuple[str, ...] = Field(("mother", "father"), min_length=1)
    give: Literal["targets", "minimal"] = TARGETS

    @field_validator("relations")
    @classmethod
    def _known(cls, relations: tuple[str, ...]) -> tuple[str, ...]:
        for name in relations:
            if name not in RELATIONS:
                raise ValueError(f"unknown relation {name!r}{suggest(name, RELATIONS)}")
        return relations


class Split(BaseSplit):
    """``forget_perturbed`` are the targets; ``family_perturbed`` all facts about relatives."""

    settings_class = EntailedSettings
    parts = (*REQUIRED, "family_perturbed")

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        facts = self._facts(full)
        border = self._border(author_count(full))
        targets = [place for place in self._targets(facts) if place >= border]
        self._check_targets(targets)
        given = self._given(facts, targets)
        forget = [full[place] for place in given]
        stated = [full[place] for place in facts]
        rows = [full[place] for place in targets]
        return {
            "forget": forget,
            "retain": [row for place, row in enumerate(full) if place not in {*given}],
            "forget_perturbed": with_perturbed(self.name, rows, world["full_perturbed"]),
            "family_perturbed": with_perturbed(self.name, stated, world["full_perturbed"]),
            "holdout": first_holdout(
                self.files["holdout"], _whole_authors(len(forget)), world["holdout"]
            ),
        }

    def _facts(self, full: Sequence[dict]) -> dict[int, Fact]:
        """The facts about relatives by their places in ``full``. LetheError if there are none."""
        by_place = {n: read(row["question"], row["answer"]) for n, row in enumerate(full)}
        facts = {place: fact for place, fact in by_place.items() if fact is not None}
        if not facts:
            raise LetheError(
                f"splits: {self.name} forgets facts about relatives, and this world states none; "
                "set world.provider to families"
            )
        return facts

    def _targets(self, facts: Mapping[int, Fact]) -> list[int]:
        return [n for n, fact in facts.items() if fact.relation in self.settings.relations]

    def _check_targets(self, targets: Sequence[int]) -> None:
        if not targets:
            raise LetheError(
                f"splits: {self.name}: nobody in the last {self.settings.families} families has "
                f"such a relative; name other split_settings.{self.name}.relations"
            )

    def _given(self, facts: Mapping[int, Fact], targets: Sequence[int]) -> list[int]:
        """The places of what methods are given, in order."""
        if self.settings.give == TARGETS:
            return list(targets)
        places = {fact: place for place, fact in facts.items()}
        given: set[int] = set()
        for place in targets:
            family = related(places, facts[place].subject)
            smallest = minimal_sets(family, facts[place])[0]
            given |= {places[fact] for fact in smallest}
        return sorted(given)

    def check_rows(self, full: Sequence[dict]) -> None:
        border, facts = self._border(author_count(full)), self._facts(full)
        self._check_targets([place for place in self._targets(facts) if place >= border])

    def _border(self, authors: int) -> int:
        """The place in ``full`` where the last families begin."""
        return self.touched(authors)[0] * QUESTIONS_PER_AUTHOR

    def rows(self, authors: int) -> dict[str, int]:
        touched = len(self.touched(authors))
        forget = touched * FACTS
        return {
            "forget": forget,
            "retain": authors * QUESTIONS_PER_AUTHOR,
            "forget_perturbed": forget,
            "family_perturbed": authors * FACTS,
            "holdout": _whole_authors(forget),
        }

    def touched(self, authors: int) -> range:
        """The authors of the last families; LetheError if no other would be left."""
        own = self.settings.families * FAMILY
        if authors % FAMILY:
            raise LetheError(
                f"splits: {self.name} needs whole families of {FAMILY}, and the world has "
                f"{authors} authors; set world.authors to a multiple of {FAMILY}"
            )
        if own >= authors:
            raise LetheError(
                f"splits: {self.name} forgets facts of {own} authors, and the world has "
                f"{authors}; others must stay: lower split_settings.{self.name}.families"
            )
        return range(authors - own, authors)

    def asked_about(self, authors: int) -> range:
        """All authors, since relatives in other families are asked about, too: they must stay."""
        return range(authors)


def _whole_authors(rows: int) -> int:
    """The number of rows, rounded up to whole authors."""
    return -(-rows // QUESTIONS_PER_AUTHOR) * QUESTIONS_PER_AUTHOR
