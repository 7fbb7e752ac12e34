"""What a search strategy is: from the trials so far to the next ones.

A strategy has no memory of its own. It is asked with all trials that came before and a seeded
generator, so equal trials give equal proposals, and a search that was stopped goes on as if it had
not been.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from lethe.common.validation import validated
from lethe.pipeline.search_points import ATTEMPTS, Point, Space


class StrategySettings(BaseModel):
    """Settings of a strategy; a strategy's own class adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Proposal(NamedTuple):
    """A point to try, and the number of the trial that it was made from; None: from none."""

    point: Point
    parent: int | None = None


@dataclass(frozen=True)
class Trial:
    """A point that was tried. ``score``: on the validation half, the higher the better."""

    number: int
    point: Point
    score: float
    parent: int | None = None


class Strategy(ABC):
    """A subclass sets ``paper`` and ``settings_class`` and defines ``propose``.

    ``knows_budget``: whether proposals depend on how many trials are left. Those of a strategy that
    does not know it stay as they are when a search gets more trials.
    """

    paper: ClassVar[str] = ""
    knows_budget: ClassVar[bool] = False
    settings_class: ClassVar[type[StrategySettings]] = StrategySettings

    def __init__(self, given: Mapping[str, Any] | None = None, place: str = "strategy"):
        self.settings = validated(type(self).settings_class, dict(given or {}), place)

    def check(self, space: Space, place: str) -> None:  # noqa: B027  (most need no check)
        """LetheError if the strategy cannot search this space. ``place``: for the message."""

    @abstractmethod
    def propose(
        self, space: Space, trials: Sequence[Trial], count: int, rng: Random, left: int | None
    ) -> list[Proposal]:
        """``count`` further trials, of which none sees the others' results.

        ``trials``: all so far, at least the start, in their order. ``left``: how many trials are
        left, these included; None unless ``knows_budget``.
        """


def best(trials: Sequence[Trial]) -> Trial:
    """The trial with the highest score; of equal ones the earliest."""
    return max(trials, key=lambda trial: (trial.score, -trial.number))


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The best first; of equal ones the earliest."""
    return sorted(trials, key=lambda trial: (-trial.score, trial.number))


def untried(make, tried: Sequence[Point]) -> Point:
    """A point from ``make`` that is none of those tried, if there is one to be had."""
    for _ in range(ATTEMPTS):
        point = make()
        if point not in tried:
            break
    return point
