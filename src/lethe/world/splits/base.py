"""What every kind of split is made of: a name, typed settings, files and oracles."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from lethe.common.errors import LetheError
from lethe.world.schema import QUESTIONS_PER_AUTHOR

# Parts that every split has; rules, suites and methods ask for them by these names.
REQUIRED = ("forget", "retain", "forget_perturbed", "holdout")


class SplitSettings(BaseModel):
    """The settings of a kind that has none; a kind with settings derives its own from this."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Oracle:
    """A model that is trained as the full model is, without what it must not know.

    ``role`` is the name of its run in paths and tables, ``part`` the part of the split it learns.
    """

    role: str
    part: str


# TOFU's own: the model that has learned the retain set alone.
RETAIN = Oracle("retain", "retain")


class BaseSplit(ABC):
    """A split: which rows of a world are to be forgotten, and which models tell how it should end.

    A kind is a file with a class ``Split`` that derives from this one. It must have ``cut`` and
    ``rows``; the rest has defaults. The first of ``oracles`` is the one that forget quality and
    whatever else wants a single one is held against.
    """

    settings_class: type[BaseModel] = SplitSettings
    parts: tuple[str, ...] = REQUIRED
    oracles: tuple[Oracle, ...] = (RETAIN,)

    def __init__(self, name: str, settings: BaseModel):
        self.name, self.settings = name, settings

    @property
    def kind(self) -> str:
        """The name of the kind's file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def files(self) -> dict[str, str]:
        """The names of the split's files, without suffix, by part."""
        others = {part: f"{self.name}_{part.removeprefix('forget_')}" for part in self.parts}
        return others | {"forget": self.name}

    @property
    def oracle(self) -> Oracle:
        """The oracle that the split is held against where one is wanted."""
        return self.oracles[0]

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of the oracles' runs, the default one first."""
        return tuple(oracle.role for oracle in self.oracles)

    def data_of(self, role: str) -> str:
        """The name of the file that an oracle learns."""
        return next(self.files[oracle.part] for oracle in self.oracles if oracle.role == role)

    @abstractmethod
    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        """The rows of every part; ``world`` has those of the files that the kind ``READS``.

        LetheError where the rows cannot be split so.
        """

    @abstractmethod
    def rows(self, authors: int) -> dict[str, int]:
        """How many rows each part has in a world of so many target authors, for plans.

        At the most, where only the world's content decides. LetheError if it cannot be done.
        """

    def touched(self, authors: int) -> Sequence[int]:
        """The authors of whom something may be forgotten, as places in ``full``: by default all."""
        return range(authors)


class TextIndex:
    """Finds the row of another file with the same question and answer, by their texts.

    The question alone would not do: TOFU asks one question about two authors.
    """

    def __init__(self, rows: Sequence[dict]):
        self._rows = {_key(row): row for row in rows}

    def find(self, row: dict) -> dict | None:
        """The indexed row with the texts of ``row``, or None."""
        return self._rows.get(_key(row))


def _key(row: dict) -> tuple[str, str]:
    return row["question"], row["answer"]


def author_count(full: Sequence[dict]) -> int:
    """How many authors the rows of ``full`` are; LetheError where they are not whole authors."""
    authors, rest = divmod(len(full), QUESTIONS_PER_AUTHOR)
    if rest:
        raise LetheError(
            f"splits: full has {len(full)} rows, not a multiple of {QUESTIONS_PER_AUTHOR};"
            " delete the world's folder to have it made again"
        )
    return authors


def with_perturbed(name: str, rows: Sequence[dict], perturbed: Sequence[dict]) -> list[dict]:
    """The rows of ``full_perturbed`` that belong to ``rows``, in their order.

    ``name``: what messages call the rows. LetheError where one has none.
    """
    index = TextIndex(perturbed)
    matches = [index.find(row) for row in rows]
    missing = sum(row is None for row in matches)
    if missing:
        raise LetheError(
            f"splits: {missing} of {len(rows)} rows of {name} have no paraphrase or"
            " perturbed answers in full_perturbed; use a split that the world's source covers"
        )
    return matches


def first_holdout(name: str, size: int, rows: Sequence[dict]) -> list[dict]:
    """The first ``size`` rows of authors that no model has seen; none where the world has none.

    ``name``: what messages call them. LetheError where there are too few.
    """
    if rows and len(rows) < size:
        raise LetheError(
            f"splits: {name} needs {size // QUESTIONS_PER_AUTHOR} holdout authors, the"
            f" world has {len(rows) // QUESTIONS_PER_AUTHOR}; raise the number of holdout authors"
        )
    return list(rows[:size])
