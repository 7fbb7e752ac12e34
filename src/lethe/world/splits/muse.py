"""The forget sets of MUSE (arXiv 2407.06460): of its corpus, of growing size, or one after another.

``muse_raw`` forgets the texts of ``raw``'s forget split, ``muse_scal_1`` to ``muse_scal_4`` those
of News's forget sets for scalability. ``muse_sust_1`` to ``muse_sust_4`` are requests in sequence:
a run on one starts from the same method's run on the one before. Methods may retain ``retain1``, as
in MUSE, without what any request of a sequence asks for; the oracle learns everything that ``full``
learns but the forget set, and what earlier requests asked for. What is asked are files of their
own.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.splits.base import BaseSplit, Oracle, SplitSettings

READS = ("full", "holdout")
NAMES = "muse_(?P<forget>raw|scal_[1-4]|sust_[1-4])"
EXAMPLE = "muse_raw, muse_scal_2, muse_sust_1"

# Columns of rows: which split of raw a text is in, the forget sets that it is in, the examples
# before a question, and a whole text.
PART, SETS, EXAMPLES, TEXT = "part", "sets", "examples", "text"
FORGET, RETAIN, OTHER = "forget", ("retain1", "retain2"), "other"
RAW, SCAL = "raw", ("scal_1", "scal_2", "scal_3", "scal_4")
SUST = ("sust_1", "sust_2", "sust_3", "sust_4")
# What is asked, by the files of MUSE.
ASKED = ("verbmem", "knowmem_forget", "knowmem_retain", "privleak_forget", "privleak_holdout")
# The training set of the oracle: what stays of everything that was learned.
KEPT = "kept"


class MuseSettings(SplitSettings):
    """``forget``: the forget set. ``rows_each``: how many rows a text has at most; for plans."""

    forget: Literal[(RAW, *SCAL, *SUST)] = RAW
    rows_each: int = Field(6, ge=1)


class Split(BaseSplit):
    """The texts of one forget set against all others."""

    settings_class = MuseSettings
    required = (FORGET, "retain")
    parts = (FORGET, "retain", KEPT, *ASKED)
    oracles = (Oracle("retain", KEPT),)
    asks_all = False

    def __init__(self, name: str, settings: MuseSettings):
        super().__init__(name, settings)
        forget = settings.forget
        before = SUST[: SUST.index(forget)] if forget in SUST else ()
        self.follows = f"muse_{before[-1]}" if before else None
        self._gone = {forget, *before}
        self._never_retained = set(SUST) if forget in SUST else {forget}

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full, asked = world["full"], world["holdout"]
        self.check_rows(full)
        forget = self.settings.forget
        parts = {
            FORGET: [row for row in full if forget in row[SETS].split()],
            "retain": [row for row in full if self._may_retain(row)],
            KEPT: [row for row in full if not self._gone.intersection(row[SETS].split())],
        }
        return parts | {name: [row for row in asked if row[PART] == name] for name in ASKED}

    def check_rows(self, full: Sequence[dict]) -> None:
        forget = self.settings.forget
        if not any(forget in row.get(SETS, "").split() for row in full):
            raise LetheError(
                f"splits: {self.name}: no row of the forget set {forget}; raise world.authors, or "
                "name a folder that has it"
            )
        if not any(map(self._may_retain, full)):
            raise LetheError(
                f"splits: {self.name}: nothing of {RETAIN[0]} stays; raise world.authors, or "
                "choose a smaller forget set"
            )

    def _may_retain(self, row: dict) -> bool:
        within = self._never_retained.intersection(row[SETS].split())
        return row[PART] == RETAIN[0] and not within

    def rows(self, authors: int) -> dict[str, int]:
        """Every text may be in any part; what is asked depends on the files alone."""
        return dict.fromkeys(self.parts, authors * self.settings.rows_each) | {"holdout": 0}
