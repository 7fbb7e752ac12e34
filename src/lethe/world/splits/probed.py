"""A benchmark whose questions are not the rows that are learned and forgotten.

For worlds whose rows say in the column ``part`` what they are for: rows to be forgotten and rows to
be retained in ``full``, and further parts, which no training set has, in ``holdout``. ``asked``
lists those further parts that the split has; suites name them.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.splits.base import BaseSplit, SplitSettings

READS = ("full", "holdout")
PART, FORGET, RETAIN, TARGET = "part", "forget", "retain", "target"


class ProbedSettings(SplitSettings):
    """``asked``: further parts, about which models are asked or whose texts they are given.

    ``rows_each``: how many rows an author has at most, for plans alone.
    """

    asked: tuple[str, ...] = ()
    rows_each: int = Field(100, ge=1)


class Split(BaseSplit):
    """All rows of forget and of retain in the order of ``full``, and the parts that are asked."""

    settings_class = ProbedSettings
    required = (FORGET, RETAIN)
    asks_all = False

    @property
    def parts(self) -> tuple[str, ...]:
        return (FORGET, RETAIN, *dict.fromkeys(self.settings.asked))

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        self.check_rows(world["full"])
        self.check_holdout(world["holdout"])
        full = {name: self.chosen(name, world["full"]) for name in (FORGET, RETAIN)}
        wanted = self.whose(world["full"])
        return full | {name: _of(name, world["holdout"], wanted) for name in self.settings.asked}

    def chosen(self, name: str, full: Sequence[dict]) -> list[dict]:
        """The rows of ``full`` that are forgotten, or retained."""
        return [row for row in full if row[PART] == name]

    def whose(self, full: Sequence[dict]) -> frozenset[str] | None:
        """The targets that are asked about; None: all."""
        return None

    def check_rows(self, full: Sequence[dict]) -> None:
        """LetheError if nothing would be forgotten, or nothing retained."""
        if not all(PART in row for row in full):
            raise LetheError(
                f"splits: {self.name}: the rows of this world do not say their part; choose "
                "another provider, or list another kind of split"
            )
        for name in (FORGET, RETAIN):
            if not self.chosen(name, full):
                raise LetheError(f"splits: {self.name}: no row of {name}; {self.remedy}")

    remedy = "add some to the files at world.path"

    def check_holdout(self, holdout: Sequence[dict]) -> None:
        """LetheError if the world has no rows of a part that is asked about."""
        has = list(dict.fromkeys(row[PART] for row in holdout))
        for name in self.settings.asked:
            if name not in has:
                raise LetheError(
                    f"config: split_settings.{self.name}.asked: the world has no rows of {name!r} "
                    f"(it has {', '.join(has) or 'none'}); add their file at world.path, or leave "
                    "it out"
                )

    def rows(self, authors: int) -> dict[str, int]:
        """Every author may be in either set, so both are bounded by all rows."""
        everyone = authors * self.settings.rows_each
        return dict.fromkeys(self.parts, everyone) | {"holdout": 0}


def _of(name: str, holdout: Sequence[dict], targets: frozenset[str] | None) -> list[dict]:
    """The rows of a part about these targets; rows without a target are about anybody."""
    rows = [row for row in holdout if row[PART] == name]
    if targets is None:
        return rows
    return [row for row in rows if row.get(TARGET) is None or row[TARGET] in targets]
