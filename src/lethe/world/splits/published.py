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
# Questions of multiple choice about something else, by which utility is measured.
CHOICES = "choices"


class PublishedSettings(SplitSettings):
    """``nonmembers``: whether documents that no model is trained on are asked about as well.

    ``choices``: whether questions of multiple choice are as well, which the world then has.
    ``rows_each``: how many rows an author, such as a document, has at most; for plans alone.
    """

    nonmembers: bool = False
    choices: bool = False
    rows_each: int = Field(6, ge=1)


class Split(BaseSplit):
    """All rows of either part, in the order of ``full``."""

    settings_class = PublishedSettings
    required = (FORGET, RETAIN)
    asks_all = False

    @property
    def parts(self) -> tuple[str, ...]:
        asked = {HOLDOUT: self.settings.nonmembers, CHOICES: self.settings.choices}
        return (FORGET, RETAIN, *(part for part, wanted in asked.items() if wanted))

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        self.check_rows(full)
        parts = {name: [row for row in full if row[PART] == name] for name in (FORGET, RETAIN)}
        parts[HOLDOUT] = [row for row in world[HOLDOUT] if row[PART] != CHOICES]
        parts[CHOICES] = [row for row in world[HOLDOUT] if row[PART] == CHOICES]
        for name in self.parts:
            if not parts[name]:
                raise LetheError(f"splits: {self.name}: the world has no rows of {name}; add some")
        return {name: parts[name] for name in self.parts}

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

    def check_holdout(self, holdout: Sequence[dict]) -> None:
        """LetheError if the world has not what is asked about besides."""
        if self.settings.choices and not any(row.get(PART) == CHOICES for row in holdout):
            raise LetheError(
                f"config: split_settings.{self.name}.choices: the world has no questions of "
                "multiple choice; add their file, or set it to false"
            )
