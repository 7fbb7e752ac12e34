"""Whole people to be forgotten, as in RWKU (arXiv 2406.10890), and others to be retained.

The first ``targets`` people of the world are forgotten. Their rows that are forgotten are chosen
by ``forget``: passages about them, questions about them, or both. Retained are rows about their
neighbours and all rows about the world's other people, whichever ``retain`` lists. Only the
targets' own further parts are asked about.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.splits import probed
from lethe.world.splits.probed import FORGET, PART, TARGET

READS = ("full", "holdout")
PASSAGE, QUESTION, NEIGHBOR = "passage", "question", "neighbor"
NEIGHBORS, OTHERS = "neighbors", "others"

Forgotten = Literal["passage", "question"]
Retained = Literal["neighbors", "others"]


class TargetsSettings(probed.ProbedSettings):
    """``targets``: how many of the world's people are forgotten; ``forget`` and ``retain``."""

    targets: int = Field(1, ge=1)
    forget: Annotated[tuple[Forgotten, ...], Field(min_length=1)] = ("passage",)
    retain: Annotated[tuple[Retained, ...], Field(min_length=1)] = ("others",)


class Split(probed.Split):
    """Rows about people, cut by whom and what they are about."""

    settings_class = TargetsSettings
    remedy = "raise world.authors, or change the split's forget, retain or targets"

    def chosen(self, name: str, full: Sequence[dict]) -> list[dict]:
        targets = self.whose(full)
        if name == FORGET:
            kinds = self.settings.forget
            return [row for row in full if row[TARGET] in targets and row[PART] in kinds]
        return [row for row in full if self._retained(row, targets)]

    def _retained(self, row: dict, targets: frozenset[str]) -> bool:
        if row[TARGET] not in targets:
            return OTHERS in self.settings.retain
        return row[PART] == NEIGHBOR and NEIGHBORS in self.settings.retain

    def whose(self, full: Sequence[dict]) -> frozenset[str]:
        people = list(dict.fromkeys(row[TARGET] for row in full))
        return frozenset(people[: self.settings.targets])

    def check_rows(self, full: Sequence[dict]) -> None:
        if not all(TARGET in row for row in full):
            raise LetheError(
                f"splits: {self.name}: the rows of this world do not say their target; choose "
                "the provider rwku, or list another kind of split"
            )
        people = len({row[TARGET] for row in full})
        if self.settings.targets > people:
            raise LetheError(
                f"config: split_settings.{self.name}.targets: {self.settings.targets}, but the "
                f"world has {people} people; lower it, or raise world.authors"
            )
        super().check_rows(full)
