"""One published target of EDU-RELAT (wrh14/deep_unlearning), and all facts to be asked.

For worlds of the provider ``edu_relat``. Methods are given the target alone, as the benchmark does,
or the smallest of its published minimal sets. The oracle never saw what methods are given.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.splits.base import BaseSplit, SplitSettings

READS = ("full",)
PART, NUMBER, SETS = "part", "number", "minimal_sets"
RELATIONSHIPS, BIOGRAPHIES = "relationships", "biographies"
# The published numbers of facts, for plans alone.
PUBLISHED = {RELATIONSHIPS: 400, BIOGRAPHIES: 300}


class EduRelatSettings(SplitSettings):
    """``target``: its number in the published order, 0 to 54; ``give``: what methods are given."""

    target: int = Field(0, ge=0)
    give: Literal["target", "minimal"] = "target"


class Split(BaseSplit):
    """``target`` is one row with its minimal sets; the facts asked are all there are."""

    settings_class = EduRelatSettings
    parts = ("forget", "retain", "target", RELATIONSHIPS, BIOGRAPHIES)
    required = ("forget", "retain")
    asks_all = False

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        self.check_rows(full)
        by_part = {part: [row for row in full if row[PART] == part] for part in PUBLISHED}
        relationships = by_part[RELATIONSHIPS]
        place = self._place(relationships)
        given = {place} if self.settings.give == "target" else _smallest(relationships[place])
        stay = [row for number, row in enumerate(relationships) if number not in given]
        return {
            "forget": [relationships[number] for number in sorted(given)],
            "retain": [*stay, *by_part[BIOGRAPHIES]],
            "target": [relationships[place]],
            **by_part,
        }

    def _place(self, relationships: Sequence[dict]) -> int:
        """The place of the target among the relationships."""
        numbers = [row[NUMBER] for row in relationships]
        return numbers.index(str(self.settings.target))

    def check_rows(self, full: Sequence[dict]) -> None:
        if not all(NUMBER in row and SETS in row for row in full):
            raise LetheError(
                f"splits: {self.name}: the rows of this world do not say which are targets; set "
                "world.provider to edu_relat, or list another kind of split"
            )
        targets = [row[NUMBER] for row in full if row[NUMBER]]
        if str(self.settings.target) not in targets:
            raise LetheError(
                f"config: split_settings.{self.name}.target: {self.settings.target}, but the world "
                f"has the targets 0 to {len(targets) - 1}; choose one of these"
            )

    def rows(self, authors: int) -> dict[str, int]:
        """Those of the published data, whose minimal sets have up to 22 facts."""
        forget = 1 if self.settings.give == "target" else 22
        retain = sum(PUBLISHED.values()) - 1
        return {"forget": forget, "retain": retain, "target": 1, "holdout": 0, **PUBLISHED}


def _smallest(row: Mapping[str, str]) -> set[int]:
    """The first of the shortest minimal sets."""
    return {*min(json.loads(row[SETS]), key=len)}
