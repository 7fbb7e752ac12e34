"""A candidate on its way to becoming an author, and the files of candidates that stages write.

They hold one JSON line for each candidate tried, in order, including dropped ones. Files are read
and written line by line, so a world of any size takes the same memory.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, ValidationError

from lethe.common.errors import LetheError
from lethe.llm.structured import Strict

# The topics that ask for the titles of books.
BOOKS = ("first_book", "best_known_book", "latest_book")


class Pair(Strict):
    """A question and its answer."""

    question: str
    answer: str


class Entry(Strict):
    """One question about an author, with what later stages add to it."""

    topic: str
    question: str
    answer: str
    paraphrases: list[Pair] = Field(default_factory=list)
    perturbed: list[str] = Field(default_factory=list)


class Profile(Strict):
    """What the model made up around the drawn attributes."""

    name: str
    award: str
    books: list[str]
    biography: str


class Candidate(Strict):
    """Candidate ``number`` of ``group``.

    ``rejected`` counts what gates rejected along the way, by stage and reason. ``dropped`` is the
    stage that could not repair the candidate, empty for a survivor; ``why`` says what was wrong.
    """

    group: str
    number: int
    attributes: dict[str, str]
    titles: list[str]
    profile: Profile | None = None
    entries: list[Entry] = Field(default_factory=list)
    rejected: dict[str, dict[str, int]] = Field(default_factory=dict)
    dropped: str = ""
    why: str = ""

    @property
    def alive(self) -> bool:
        return not self.dropped

    @property
    def name(self) -> str:
        return self.profile.name if self.profile else ""

    @property
    def facts(self) -> dict[str, str]:
        """Drawn and invented attributes, by the topic of the question that asks for them."""
        assert self.profile is not None
        books = zip(BOOKS, self.profile.books, strict=True)
        return {**self.attributes, "award": self.profile.award, **dict(books)}


def read(path: str | Path) -> Iterator[Candidate]:
    """The candidates of a stage's file, one at a time; LetheError names a bad line."""
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield Candidate.model_validate_json(line)
                except ValidationError as error:
                    first = error.errors()[0]
                    raise LetheError(
                        f"{path}, line {number}: not a candidate ({first['msg']}); delete the file"
                        " to have it made again"
                    ) from None
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file; name the file of a stage") from None
    except UnicodeDecodeError as error:
        raise LetheError(
            f"{path}: not UTF-8 text ({error}); delete the file to have it made again"
        ) from None
