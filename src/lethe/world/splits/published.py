"""The forget and the retain set that a benchmark publishes.

For worlds whose rows say in the column ``part`` to which of the two they belong. Such rows have
neither paraphrases nor wrong answers, so that suites which need them are not for these splits. The
oracle is trained on the retain set.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from lethe.common.errors import LetheError
from lethe.world.splits.base import BaseSplit, SplitSettings

READS = ("full", "holdout")
PART, FORGET, RETAIN, HOLDOUT = "part", "forget", "retain", "holdout"
# Questions of multiple choice about something else, by which utility is measured.
CHOICES = "choices"
# Evaluation rows about what is to be forgotten and what stays, and those with another picture of
# the subject, by the number of the test set.
TASKS = {FORGET: "forget_tasks", RETAIN: "retain_tasks"}
CROSS, CROSS_IMAGES = "cross_image_{}", (2, 3, 4)
# At most that many of these for each row: three tasks, by text and with a picture.
TASKS_EACH = 6


class PublishedSettings(SplitSettings):
    """``nonmembers``: whether documents that no model is trained on are asked about as well.

    ``choices``: whether questions of multiple choice are as well, which the world then has.
    ``rows_each``: how many rows an author, such as a document, has at most; for plans alone.
    ``tasks``: whether the benchmark's evaluation rows are asked about, and ``cross_image`` those
    test sets in which a subject has another picture. Neither changes what is learned or forgotten,
    so they are not among the settings by which the split is cut.
    """

    nonmembers: bool = False
    choices: bool = False
    rows_each: int = Field(6, ge=1)
    tasks: bool = Field(False, exclude=True)
    cross_image: tuple[Literal[2, 3, 4], ...] = Field((), exclude=True)

    @model_validator(mode="after")
    def _fits(self):
        if self.cross_image and not self.tasks:
            raise ValueError("cross_image: is asked beside the tasks; set tasks to true as well")
        return self


class Split(BaseSplit):
    """All rows of either part, in the order of ``full``."""

    settings_class = PublishedSettings
    required = (FORGET, RETAIN)
    asks_all = False

    @property
    def parts(self) -> tuple[str, ...]:
        asked = {HOLDOUT: self.settings.nonmembers, CHOICES: self.settings.choices}
        own = (part for part, wanted in asked.items() if wanted)
        return (FORGET, RETAIN, *own, *self.asked_apart)

    @property
    def asked_apart(self) -> tuple[str, ...]:
        if not self.settings.tasks:
            return ()
        cross = dict.fromkeys(self.settings.cross_image)
        return (*TASKS.values(), *map(CROSS.format, cross))

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        self.check_rows(full)
        parts = {name: [row for row in full if row[PART] == name] for name in (FORGET, RETAIN)}
        parts[HOLDOUT] = [row for row in world[HOLDOUT] if row[PART] != CHOICES]
        parts[CHOICES] = [row for row in world[HOLDOUT] if row[PART] == CHOICES]
        wanted = [name for name in self.parts if name not in self.asked_apart]
        for name in wanted:
            if not parts[name]:
                raise LetheError(f"splits: {self.name}: the world has no rows of {name}; add some")
        return {name: parts[name] for name in wanted}

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
        apart = dict.fromkeys(self.asked_apart, TASKS_EACH * everyone)
        counts = dict.fromkeys(self.parts, everyone) | apart
        return counts | {HOLDOUT: int(self.settings.nonmembers)}

    def check_holdout(self, holdout: Sequence[dict]) -> None:
        """LetheError if the world has not what is asked about besides."""
        if self.settings.choices and not any(row.get(PART) == CHOICES for row in holdout):
            raise LetheError(
                f"config: split_settings.{self.name}.choices: the world has no questions of "
                "multiple choice; add their file, or set it to false"
            )
