"""The last of several requests to forget that came one after another (ICU-Bench, MUSE).

Methods are given what this request asks for, and retain everyone outside the pool. The
evaluation asks about this and all earlier requests (arXiv 2605.05938).
"""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.base import (
    REQUIRED,
    BaseSplit,
    Oracle,
    SplitSettings,
    author_count,
    with_perturbed,
)

# The number of a row's request, from 1.
REQUEST = "request"


class Request(BaseModel):
    """What one request asks for: ``facts`` (places from 0; None: all) of each of ``authors``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    authors: tuple[int, ...] = Field(min_length=1)
    facts: tuple[int, ...] | None = Field(None, min_length=1)

    @property
    def places(self) -> list[int]:
        """The places of its rows in ``full``."""
        facts = range(QUESTIONS_PER_AUTHOR) if self.facts is None else self.facts
        return [author * QUESTIONS_PER_AUTHOR + fact for author in self.authors for fact in facts]


class RequestSettings(SplitSettings):
    """``pool``: the authors who may be asked for; ``asked``: the requests, this one last."""

    pool: tuple[int, ...] = Field(min_length=1)
    asked: tuple[Request, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        seen: set[int] = set()
        for number, request in enumerate(self.asked, start=1):
            _check(number, request, self.pool)
            again = seen.intersection(request.places)
            if again:
                author, fact = divmod(min(again), QUESTIONS_PER_AUTHOR)
                whole = f"author {author}"
                what = whole if request.facts is None else f"fact {fact} of {whole}"
                raise ValueError(
                    f"request {number} asks for {what}, which an earlier one asked for; leave it "
                    "out"
                )
            seen.update(request.places)
        return self


def check_pool(pool: Sequence[int], authors: int) -> None:
    """LetheError if a world of ``authors`` authors lacks some of the pool, or has nobody else."""
    if max(pool) >= authors:
        raise LetheError(
            f"config: requests.pool: there is no author {max(pool)} among the world's {authors}, "
            "who are counted from 0; name others, or raise world.authors"
        )
    if len(pool) == authors:
        raise LetheError(
            f"config: requests.pool: {authors} of the world's {authors} authors, and some must "
            "stay; lower it, or raise world.authors"
        )


def _check(number: int, request: Request, pool: Sequence[int]) -> None:
    """ValueError for an author outside the pool, or a fact that no author has."""
    outside = [author for author in request.authors if author not in pool]
    if outside:
        raise ValueError(
            f"request {number} asks for author {outside[0]}, who is not in the pool; add them to "
            "it, or ask for another"
        )
    facts = request.facts or ()
    wrong = [fact for fact in facts if not 0 <= fact < QUESTIONS_PER_AUTHOR]
    if wrong:
        raise ValueError(
            f"request {number} asks for fact {wrong[0]}; an author's facts are 0 to "
            f"{QUESTIONS_PER_AUTHOR - 1}"
        )
    if len(set(request.authors)) < len(request.authors) or len(set(facts)) < len(facts):
        raise ValueError(f"request {number} names an author or a fact twice; name each once")


class Split(BaseSplit):
    """``asked_perturbed``: the rows of all requests so far, each with the request's number.

    The oracle learned everything but these.
    """

    settings_class = RequestSettings
    parts = (*REQUIRED, "asked_perturbed", "without_asked")
    oracles = (Oracle("without_asked", "without_asked"),)

    @property
    def files(self) -> dict[str, str]:
        """In a folder of their own, so that the world's card does not list hundreds of files."""
        return {part: f"{paths.REQUESTS}/{name}" for part, name in super().files.items()}

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full, perturbed = world["full"], world["full_perturbed"]
        self.touched(author_count(full))
        pool, requests = set(self.settings.pool), [one.places for one in self.settings.asked]
        gone = set(chain(*requests))
        forget = [full[place] for place in requests[-1]]
        asked = [
            with_perturbed(f"{self.name}, request {number}", [full[at] for at in places], perturbed)
            for number, places in enumerate(requests, start=1)
        ]
        return {
            "forget": forget,
            "retain": [r for n, r in enumerate(full) if n // QUESTIONS_PER_AUTHOR not in pool],
            "forget_perturbed": in_turn(asked),
            "holdout": list(world["holdout"][: len(forget)]),
            "asked_perturbed": [
                {**row, REQUEST: number}
                for number, rows in enumerate(asked, start=1)
                for row in rows
            ],
            "without_asked": [row for place, row in enumerate(full) if place not in gone],
        }

    def rows(self, authors: int) -> dict[str, int]:
        sizes = [len(request.places) for request in self.settings.asked]
        pool, everyone = len(self.touched(authors)), authors * QUESTIONS_PER_AUTHOR
        return {
            "forget": sizes[-1],
            "retain": everyone - pool * QUESTIONS_PER_AUTHOR,
            "forget_perturbed": sum(sizes),
            # As many as the world has, at most as many as the forget set: some are needed.
            "holdout": 1,
            "asked_perturbed": sum(sizes),
            "without_asked": everyone - sum(sizes),
        }

    def touched(self, authors: int) -> tuple[int, ...]:
        """The pool; LetheError if the world lacks some of it, or has nobody else."""
        check_pool(self.settings.pool, authors)
        return tuple(sorted(self.settings.pool))

    def asked_about(self, authors: int) -> tuple[int, ...]:
        """The authors of all requests so far; others need no perturbed answers."""
        return tuple(sorted({a for request in self.settings.asked for a in request.authors}))


def in_turn(requests: Sequence[Sequence[dict]]) -> list[dict]:
    """A row of each request in turn, so that any first items cover them evenly."""
    rounds = zip_longest(*requests)
    return [row for some in rounds for row in some if row is not None]
