"""Probe suites: which texts are put to checkpoints and what is recorded, one file for each suite.

A suite is a module of this folder, found by its name, with literal constants and two functions:

    SETS = {"forget": "forget_perturbed"}    its sets, and the data file that each is read from
    COLUMNS = ("answer_loss",)               what is recorded of an item beside question and answer

    prepare(encoder, rows) -> prepared       rows by set, tokenised once for all checkpoints
    record(model, prepared, limits) -> {set: ItemSet}
    check(rows)                              optional: LetheError where a row lacks a text

A data file is named as a world names it, or by its part in a split (``Split.parts``). Constants are
read without importing the module, so that the workflow's graph needs no torch. One suite is one job
for each run.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from lethe.common.errors import LetheError
from lethe.pipeline.code_digest import literals

if TYPE_CHECKING:
    from lethe.evaluate.records import Checkpoint

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Contract:
    """What a suite reads and records: the constants of its module."""

    sets: dict[str, str]
    columns: tuple[str, ...]

    def files(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The name of each set's data file; ``parts`` are the names that a split gives."""
        return {name: parts.get(file, file) for name, file in self.sets.items()}


@dataclass(frozen=True)
class Limits:
    """How much a suite puts to a checkpoint and takes back.

    ``max_length``: tokens of question and generated answer together, as TOFU limits them;
    ``max_new_tokens``: of the answer alone, as OpenUnlearning does (None: no such limit);
    ``token_budget``: padded tokens of a batch of likelihoods (None: by the device).
    """

    max_length: int = 200
    max_new_tokens: int | None = None
    token_budget: int | None = None


def names() -> list[str]:
    """Names of all suites, sorted: the modules of this folder."""
    return sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))


@cache
def contract(name: str) -> Contract:
    """What a suite asks for, from its source."""
    _known(name)
    found = literals(FOLDER / f"{name}.py")
    return Contract(found["SETS"], found["COLUMNS"])


def load(name: str) -> ModuleType:
    """Import the module of a suite; an unknown name is a LetheError that lists those there are."""
    _known(name)
    return importlib.import_module(f"lethe.evaluate.suites.{name}")


def check(name: str, rows: Mapping[str, Sequence[dict]]) -> None:
    """Refuse rows that a suite could not put to a model, before there is one; by its ``check``."""
    asked = getattr(load(name), "check", None)
    if asked is not None:
        asked(rows)


class Evaluation:
    """One suite's questions, tokenised once and put to checkpoint after checkpoint.

    Of the processes of a ``team`` (``lethe.train.execution``) each asks its share of every set: items
    have nothing to do with each other, so that it does not matter who asks.
    """

    def __init__(
        self,
        suite: str,
        encoder,
        rows: Mapping[str, Sequence[dict]],
        limits: Limits,
        team=None,
    ):
        """``rows``: the data rows of each set of the suite. LetheError where one lacks a text."""
        self.module, self.limits, self.team, self.sets = load(suite), limits, team, list(rows)
        if team is not None and team.size > 1:
            mine = {name: some[team.rank :: team.size] for name, some in rows.items()}
            rows = {name: some for name, some in mine.items() if some}
        self.prepared = self.module.prepare(encoder, rows)

    def __call__(self, model, epoch: int = 0, step: int = 0) -> "Checkpoint":
        """What a model answers, item by item; all of it on every process."""
        from lethe.evaluate.records import Checkpoint, dealt

        found = self.module.record(model, self.prepared, self.limits)
        if self.team is not None and self.team.size > 1:
            shares = self.team.gathered(found)
            found = {name: dealt(name, shares) for name in self.sets}
        return Checkpoint(epoch, step, found)


def text_of(row: Mapping, key: str, place: str):
    """A row's text (or list of texts) that must be there; LetheError names the place."""
    value = row.get(key)
    if not value:
        raise LetheError(f"{place}: no {key}; every row that is evaluated needs one")
    return value


def places(name: str, rows: Iterable) -> list[str]:
    """What messages call the rows of a set."""
    return [f"set '{name}', row {number}" for number, _ in enumerate(rows, start=1)]


def _known(name: str) -> None:
    if name not in names():
        raise LetheError(f"suite '{name}': there is none of that name, only {', '.join(names())}")
