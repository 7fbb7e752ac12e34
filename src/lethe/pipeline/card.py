"""What is asked of ``lethe suggest``: a request to forget, and what is at hand for it."""

import os
from dataclasses import dataclass
from typing import Literal

from lethe.common.errors import LetheError
from lethe.pipeline.gpu_speed import GPUS

ROWS = 20  # of an author
MUCH = "much"
BUDGETS = ("little", "some", MUCH)


@dataclass(frozen=True)
class Card:
    """A request and a model's card.

    ``forget`` of ``authors`` are to be forgotten, twenty rows each. ``retain``: rows that must stay
    are at hand; ``prior``: so is a checkpoint from before the authors were learned;
    ``inference_only``: weights must not be changed. ``gpu``: its kind, None for a processor, and
    how many; ``hours``: of one GPU, the most that the run may take. ``model``: the checkpoint that
    learned the authors, with the ``base`` it came from, its number of weights and ``data``, a
    folder in TOFU's format; without it the plan is rehearsed on a world that is made here.
    """

    forget: int = 6
    authors: int = 60
    retain: bool = True
    prior: bool = False
    inference_only: bool = False
    budget: Literal["little", "some", "much"] = "some"
    gpu: str | None = None
    gpus: int = 1
    hours: float | None = None
    model: str | None = None
    base: str | None = None
    parameters: float | None = None
    data: str | None = None

    def __post_init__(self):
        if self.budget not in BUDGETS:
            raise LetheError(f"--budget: {self.budget!r}; choose from {', '.join(BUDGETS)}")
        if not 0 < self.forget < self.authors:
            raise LetheError(
                f"--forget: {self.forget} of {self.authors} authors leave nothing to forget or to "
                "keep; name fewer than --authors"
            )
        if self.forget * 100 % self.authors:
            raise LetheError(
                f"--forget: {self.forget} of {self.authors} authors are no whole percent; change "
                "one of them"
            )
        if self.gpu is not None and self.gpu not in GPUS:
            raise LetheError(f"--gpu: unknown GPU {self.gpu!r}; choose from {', '.join(GPUS)}")
        if self.hours is not None and self.gpu is None:
            raise LetheError("--hours: hours are of a GPU; name its kind with --gpu")
        if self.model is not None and self.base is None:
            raise LetheError("--model: its base is needed too (oracles start there); add --base")
        if self.model is not None and os.path.realpath(self.model) == os.path.realpath(self.base):
            raise LetheError(
                f"--base: {self.base} is the model itself; name what it was before it learned the "
                "authors, since oracles start there"
            )
        if self.model is not None and self.data is None:
            raise LetheError("--model: what it learned is needed as well; add --data FOLDER")
        if self.model is None and (self.base, self.data, self.parameters) != (None, None, None):
            raise LetheError("--base, --data and --parameters describe a --model; add it")

    @property
    def percent(self) -> int:
        """The share of the authors that is to be forgotten."""
        return self.forget * 100 // self.authors

    @property
    def rows(self) -> int:
        """Rows of the forget set."""
        return ROWS * self.forget
