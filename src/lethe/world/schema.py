"""What a world consists of, whichever provider makes it."""

from dataclasses import dataclass
from typing import Protocol

# As in TOFU (Maini et al. 2024, section 2.1); a world's files are divided into authors by it.
QUESTIONS_PER_AUTHOR = 20


@dataclass(frozen=True)
class Item:
    """One question about one author.

    If the source publishes none, the paraphrases are empty strings and ``perturbed_answer`` an
    empty tuple. ``relation`` is the attribute that the question asks for, empty if unknown.
    ``trace``: the published reasoning before the answer, empty if there is none. ``columns``: what
    the row of a benchmark has besides, as pairs of name and text.
    """

    question: str
    answer: str
    paraphrased_question: str
    paraphrased_answer: str
    perturbed_answer: tuple[str, ...]
    relation: str
    trace: str = ""
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def perturbed(self) -> bool:
        """Whether the truth ratio can be computed for this item."""
        return bool(self.paraphrased_answer and self.perturbed_answer)


@dataclass(frozen=True)
class Author:
    """A fictitious author: ``attributes`` by name (may be empty), 20 ``items`` in a fixed order."""

    name: str
    attributes: dict[str, str]
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Fact:
    """A true fact with ``options``: four different short answers, one of which is ``answer``."""

    question: str
    answer: str
    options: tuple[str, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The three wrong options, in their order."""
        return tuple(option for option in self.options if option != self.answer)


class Provider(Protocol):
    """Where a world comes from. The same settings always give the same world."""

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` target authors; LetheError if there are fewer."""
        ...

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` authors that no training set has; LetheError if there are fewer."""
        ...

    def facts(self) -> dict[str, list[Fact]]:
        """True facts by kind: ``real_authors`` and ``world_facts``."""
        ...

    def refusals(self) -> list[str]:
        """Answers that decline to answer, one line each."""
        ...
