"""What a world consists of, whoever makes it."""

from dataclasses import dataclass
from typing import Protocol

# TOFU's number; the files of a world are cut by it (Maini et al. 2024, section 2.1).
QUESTIONS_PER_AUTHOR = 20


@dataclass(frozen=True)
class Item:
    """One question about one author.

    The paraphrases are empty strings, and ``perturbed_answer`` an empty tuple, where the source
    publishes none. ``relation`` is the attribute asked for, empty where it is unknown.
    """

    question: str
    answer: str
    paraphrased_question: str
    paraphrased_answer: str
    perturbed_answer: tuple[str, ...]
    relation: str

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
    """A true fact with ``options``: four different short answers, ``answer`` among them."""

    question: str
    answer: str
    options: tuple[str, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The three other options, in their order."""
        return tuple(option for option in self.options if option != self.answer)


class Provider(Protocol):
    """Where a world comes from. Equal settings always give an equal world."""

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` target authors; LetheError when there are fewer."""
        ...

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` authors that no training set has; LetheError when there are fewer."""
        ...

    def facts(self) -> dict[str, list[Fact]]:
        """True facts under ``real_authors`` and ``world_facts``."""
        ...

    def refusals(self) -> list[str]:
        """Answers that decline to answer, at most one line each."""
        ...
