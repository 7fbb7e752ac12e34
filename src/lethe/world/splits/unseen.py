"""Questions by which unlearning is judged, and which the model learned but no method is given.

For worlds whose rows say in the column ``part`` what they are for: ``forget`` and ``retain`` for
methods, ``forget_questions`` and ``retain_questions`` for the evaluation. All are in ``full``. The
oracle learns both parts that stay.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.splits.base import BaseSplit, Oracle, SplitSettings

READS = ("full",)
PART, FORGET, RETAIN = "part", "forget", "retain"
ASKED = {FORGET: "forget_questions", RETAIN: "retain_questions"}
# The training set of the oracle: everything that stays.
STAYS = "stays"


class UnseenSettings(SplitSettings):
    """``rows_each``: how many rows an author has at most, for plans alone."""

    rows_each: int = Field(1, ge=1)


class Split(BaseSplit):
    """The rows of either set, those that are asked about, and those that stay."""

    settings_class = UnseenSettings
    required = (FORGET, RETAIN)
    parts = (FORGET, RETAIN, STAYS, *ASKED.values())
    oracles = (Oracle("retain", STAYS),)
    asks_all = False

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        self.check_rows(full)
        named = (FORGET, RETAIN, *ASKED.values())
        parts = {name: [row for row in full if row[PART] == name] for name in named}
        stays = (RETAIN, ASKED[RETAIN])
        return parts | {STAYS: [row for row in full if row[PART] in stays]}

    def check_rows(self, full: Sequence[dict]) -> None:
        """LetheError if nothing would be forgotten, retained or asked."""
        said = {row.get(PART) for row in full}
        for name in (FORGET, RETAIN, *ASKED.values()):
            if name not in said:
                raise LetheError(
                    f"splits: {self.name}: no row of {name}; raise world.authors, or choose a "
                    "provider whose rows say their part"
                )

    def rows(self, authors: int) -> dict[str, int]:
        """Every author may be in any part, so all are bounded by all rows."""
        everyone = authors * self.settings.rows_each
        return dict.fromkeys(self.parts, everyone) | {"holdout": 0}
