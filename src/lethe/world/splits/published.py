"""The forget and the retain set that a benchmark publishes.

For worlds whose rows say in the column ``part`` to which of the two they belong. Such rows have
neither paraphrases nor wrong answers, so that suites which need them are not for these splits. The
oracle is trained on the retain set.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.splits.base import BaseSplit, SplitSettings

READS = ("full", "holdout")
PART, FORGET, RETAIN, HOLDOUT = "part", "forget", "retain", "holdout"


class PublishedSettings(SplitSettings):
    """``nonmembers``: whether documents that no model is trained on are asked about as well.

    ``rows_each``: how many rows an author, such as a document, has at most; for plans alone.
    """

    nonmembers: bool = False
    rows_each: int = Field(6, ge=1)


class Split(BaseSplit):
    """All rows of either part, in the order of ``full``."""

    settings_class = PublishedSettings
    required = (FORGET, RETAIN)
    asks_all = False

    @property
    def parts(self) -> tuple[str, ...]:
        return (FORGET, RETAIN, *((HOLDOUT,) if self.settings.nonmembers else ()))

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        self.check_rows(full)
        parts = {name: [row for row in full if row[PART] == name] for name in (FORGET, RETAIN)}
        return parts | ({HOLDOUT: list(world[HOLDOUT])} if self.settings.nonmembers else {})

    def check_rows(self, full: Sequence[dict]) -> None:
        said = [row.get(PART) for row in full]
        for name in (FORGET, RETAIN):
            if name not in said:
                raise LetheError(
                    f"splits: {self.name}: no row of {name}; raise world.authors, or choose a "
                    "provider whose rows say their part"
                )

    def rows(self, authors: int) -> dict[str, int]:
        """Every author may be in either part, so both are bounded by all rows."""
        everyone = authors * self.settings.rows_each
        return dict.fromkeys(self.parts, everyone) | {HOLDOUT: int(self.settings.nonmembers)}
