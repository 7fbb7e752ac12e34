"""A behaviour of which methods are given only a share (unlearning or untraining, 2604.07962).

All facts of a behaviour should go, say those of all authors of one genre. A method gets a share of
them as its forget set, and sees the rest of the behaviour in no file. One oracle never saw the
share, the ideal of untraining; the other saw none of the behaviour, the ideal of unlearning.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from pydantic import Field, field_validator

from lethe.common.errors import LetheError
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.base import (
    REQUIRED,
    BaseSplit,
    Oracle,
    SplitSettings,
    TextIndex,
    author_count,
)

logger = logging.getLogger(__name__)

READS = ("full", "full_perturbed", "retain_perturbed", "holdout")
AUTHORS, ROWS = "authors", "rows"
NARROWED = "name a pattern of its question or answer, or a place"


class BehaviourSettings(SplitSettings):
    """Rows whose question matches ``question`` and whose answer matches ``answer``.

    Both are regular expressions that ignore case; with ``place``, only rows at that place among
    their author's twenty, from 0. ``of``: the behaviour is all rows of the authors of matching
    rows, or the matching rows. ``share`` of it is given to methods, in ``units`` of rows or whole
    authors, drawn by ``seed``; a smaller share is part of a larger one.
    """

    question: str = ""
    answer: str = ""
    place: int | None = Field(None, ge=0, lt=QUESTIONS_PER_AUTHOR)
    of: Literal["authors", "rows"] = AUTHORS
    share: float = Field(gt=0, le=1)
    units: Literal["rows", "authors"] = ROWS
    seed: int = Field(0, ge=0)

    @field_validator("question", "answer")
    @classmethod
    def _expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from None
        return text

    def matches(self, row: Mapping, place: int) -> bool:
        """Whether a row, at a place among its author's rows, shows the behaviour."""
        texts = ((self.question, row["question"]), (self.answer, row["answer"]))
        matched = all(re.search(pattern, text, re.IGNORECASE) for pattern, text in texts)
        return matched and self.place in (None, place)


class Split(BaseSplit):
    """Only rows with perturbed answers are asked about; there must be some."""

    settings_class = BehaviourSettings
    oracles = (Oracle("without_all", "retain"), Oracle("without_share", "without_share"))
    asks_all = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts; a behaviour that is given whole leaves no rest to ask about."""
        rest = () if self.settings.share == 1 else ("rest_perturbed",)
        return (*REQUIRED, "retain_perturbed", "without_share", *rest)

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        shown, given = self._behaviour(full)
        forget = [full[place] for place in given]
        rest = [full[place] for place in shown if place not in given]
        retain = [row for place, row in enumerate(full) if place not in shown]
        parts = {
            "forget": forget,
            "retain": retain,
            "forget_perturbed": self._asked("given", forget, world),
            "holdout": list(world["holdout"][: len(forget)]),
            "retain_perturbed": self._retained(retain, world),
            "without_share": [row for place, row in enumerate(full) if place not in given],
        }
        return parts | ({"rest_perturbed": self._asked("rest", rest, world)} if rest else {})

    def check_rows(self, full: Sequence[dict]) -> None:
        self._behaviour(full)

    def check_asked(self, world: Mapping[str, Sequence[dict]]) -> None:
        self.cut({**world, "holdout": ()})

    def _behaviour(self, full: Sequence[dict]) -> tuple[dict[int, None], dict[int, None]]:
        """The places in ``full`` of the behaviour and of its given share, both in order.

        LetheError if there is no behaviour, nothing but it, or nothing in one of its parts.
        """
        author_count(full)
        settings, size = self.settings, QUESTIONS_PER_AUTHOR
        hits = [n for n, row in enumerate(full) if settings.matches(row, n % size)]
        if settings.of == AUTHORS:
            authors = dict.fromkeys(n // size for n in hits)
            hits = [author * size + n for author in authors for n in range(size)]
        where = f"config: split_settings.{self.name}"
        if not hits:
            raise LetheError(f"{where}: no row shows this behaviour; change {self._patterns()}")
        if len(hits) == len(full):
            raise LetheError(
                f"{where}: every row shows this behaviour, and some must stay; "
                + (f"narrow {self._patterns()}" if self._patterns() else NARROWED)
            )
        return dict.fromkeys(hits), dict.fromkeys(self._given(hits, where))

    def _patterns(self) -> str:
        chosen = {key: getattr(self.settings, key) for key in ("question", "answer", "place")}
        return ", ".join(
            f"{key} {value!r}" for key, value in chosen.items() if value not in ("", None)
        )

    def _given(self, hits: list[int], where: str) -> list[int]:
        """The share of the behaviour that methods are given."""
        share, units = self.settings.share, self.settings.units
        size = 1 if units == ROWS else QUESTIONS_PER_AUTHOR
        drawn = list(dict.fromkeys(hit // size for hit in hits))
        total = len(drawn)
        Random(f"share/{self.settings.seed}").shuffle(drawn)
        count = int(share * total + 0.5)
        if count == 0:
            raise LetheError(
                f"{where}.share: {share:g} of {total} {units} leaves nothing to forget; raise it "
                f"to {1 / total:.3g} or more"
            )
        if count == total and share < 1:
            raise LetheError(
                f"{where}.share: {share:g} of {total} {units} is all of them; lower it to "
                f"{(total - 1) / total:.3g} or less, or set it to 1"
            )
        chosen = set(drawn[:count])
        return [hit for hit in hits if hit // size in chosen]

    def _retained(self, retain: Sequence[dict], world: Mapping) -> list[dict]:
        """The rows of ``retain_perturbed`` that are retained; LetheError if there are none."""
        others = TextIndex(retain)
        asked = [row for row in world["retain_perturbed"] if others.find(row) is not None]
        if not asked:
            raise LetheError(
                f"splits: {self.name}: all authors of retain_perturbed have the behaviour; raise "
                "world.perturbed_retain_authors"
            )
        return asked

    def _asked(self, what: str, rows: Sequence[dict], world: Mapping) -> list[dict]:
        """The perturbed rows of those rows that have them; LetheError if none has."""
        index = TextIndex(world["full_perturbed"])
        answered = [row for row in map(index.find, rows) if row is not None]
        if not answered:
            raise LetheError(
                f"splits: {self.name}: no row of its {what} part has perturbed answers; choose a "
                "behaviour of authors that the world's source covers"
            )
        if len(answered) < len(rows):
            logger.warning(
                "split %s: %d of the %d rows of its %s part have perturbed answers; the others "
                "are not asked about", self.name, len(answered), len(rows), what,
            )  # fmt: skip
        return answered

    def rows(self, authors: int) -> dict[str, int]:
        """Upper bounds: only the world's rows tell who shows a behaviour."""
        everyone = authors * QUESTIONS_PER_AUTHOR
        given = max(1, round(self.settings.share * everyone))
        counts = dict.fromkeys(self.parts, everyone)
        # As many holdout rows as the world has, at most as many as the forget set: some are needed.
        return counts | {"forget": given, "forget_perturbed": given, "holdout": 1}
