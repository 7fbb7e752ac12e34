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
    """No settings; a kind that has settings derives its own class from this one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Oracle:
    """A model that is trained like the full model, but without what is to be forgotten.

    ``role`` is the name of its run in paths and tables, ``part`` the part of the split on which it
    is trained.
    """

    role: str
    part: str


# TOFU's oracle: the model trained only on the retain set.
RETAIN = Oracle("retain", "retain")


class BaseSplit(ABC):
    """A split: which rows of a world are to be forgotten, and its oracles.

    A kind of split is a file with a class ``Split`` derived from this one. It must define ``cut``
    and ``rows``; everything else has defaults. The first of ``oracles`` is the default: forget
    quality, and whatever else needs a single oracle, compares with it. ``asks_all``: whether all
    rows of the touched authors are asked about, and so need perturbed answers.
    """

    settings_class: type[BaseModel] = SplitSettings
    parts: tuple[str, ...] = REQUIRED
    # Rows in another form than TOFU's cannot be asked about their wrong answers.
    required: tuple[str, ...] = REQUIRED
    oracles: tuple[Oracle, ...] = (RETAIN,)
    asks_all: bool = True
    # Parts that are not cut: rows that the provider makes to be asked, and that no model learns.
    asked_apart: tuple[str, ...] = ()
    # The split whose runs those on this one start from: a request that comes after another.
    follows: str | None = None
    # The languages that the unlearner is given, for kinds of worlds with several; else none.
    languages: tuple[str, ...] = ()

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
        """The default oracle, used where a single one is needed."""
        return self.oracles[0]

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of the oracles' runs, the default one first."""
        return tuple(oracle.role for oracle in self.oracles)

    def data_of(self, role: str) -> str:
        """The name of the file on which the oracle with a role is trained."""
        return next(self.files[oracle.part] for oracle in self.oracles if oracle.role == role)

    @abstractmethod
    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        """The rows of every part; ``world``: the rows of the files in ``READS``, by name.

        LetheError if the rows cannot be split like this.
        """

    @abstractmethod
    def rows(self, authors: int) -> dict[str, int]:
        """How many rows each part has in a world of that many target authors, for planning.

        An upper bound if the number depends on the world's content. LetheError if such a world
        cannot be split.
        """

    def touched(self, authors: int) -> Sequence[int]:
        """The authors about whom rows may be forgotten, by place in ``full``; all by default."""
        return range(authors)

    def asked_about(self, authors: int) -> Sequence[int]:
        """The authors all of whose rows are asked about, by place in ``full``, if ``asks_all``."""
        return self.touched(authors)

    def check_rows(self, full: Sequence[dict]) -> None:  # noqa: B027
        """LetheError if the rows of ``full`` cannot be split like this.

        For kinds that depend on what rows say; called before any job if the rows are known by then.
        """

    def check_asked(self, world: Mapping[str, Sequence[dict]]) -> None:  # noqa: B027
        """LetheError if there is nothing to ask about the split; called likewise.

        For kinds that do not ask about all rows. ``world``: questions and answers of the rows in
        ``full``, and of those of ``full_perturbed`` and ``retain_perturbed``.
        """

    def check_holdout(self, holdout: Sequence[dict]) -> None:  # noqa: B027
        """LetheError if the rows of ``holdout`` are not what the split needs; called likewise."""


class TextIndex:
    """Finds the row of another file that has the same question and answer.

    The question alone is not enough: TOFU asks one question about two authors.
    """

    def __init__(self, rows: Sequence[dict]):
        self._rows = {_key(row): row for row in rows}

    def find(self, row: dict) -> dict | None:
        """The indexed row with the question and answer of ``row``, or None."""
        return self._rows.get(_key(row))


def _key(row: dict) -> tuple[str, str]:
    return row["question"], row["answer"]


def author_count(full: Sequence[dict]) -> int:
    """The number of authors in ``full``; LetheError if its rows are not whole authors."""
    authors, rest = divmod(len(full), QUESTIONS_PER_AUTHOR)
    if rest:
        raise LetheError(
            f"splits: full has {len(full)} rows, not a multiple of {QUESTIONS_PER_AUTHOR};"
            " delete the world's folder to have it made again"
        )
    return authors


def with_perturbed(name: str, rows: Sequence[dict], perturbed: Sequence[dict]) -> list[dict]:
    """The rows of ``full_perturbed`` that belong to ``rows``, in their order.

    ``name``: what messages call the rows. LetheError if a row has none.
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
    """The first ``size`` rows of authors that no model has seen; none if the world has none.

    ``name``: what messages call these rows. LetheError if there are too few.
    """
    if rows and len(rows) < size:
        raise LetheError(
            f"splits: {name} needs {size // QUESTIONS_PER_AUTHOR} holdout authors, the"
            f" world has {len(rows) // QUESTIONS_PER_AUTHOR}; raise the number of holdout authors"
        )
    return list(rows[:size])
