"""Probe suites: which texts are put to checkpoints and what is recorded, one file for each suite.

A suite is a module of ``lethe.evaluate.suites``, found by its name, with literal constants and two
functions:

    SETS = {"forget": "forget_perturbed"}    its sets, and the data file that each is read from
    COLUMNS = ("answer_loss",)               what is recorded of an item beside question and answer

    prepare(encoder, rows) -> prepared       rows by set, tokenised once for all checkpoints
    record(model, prepared, limits) -> {set: ItemSet}
    check(rows)                              optional: LetheError where a row lacks a text

A data file is named as a world names it, or by its part in a split (``BaseSplit.files``).
Constants are read without importing the module, so that the workflow's graph needs no torch. One
suite is one job for each run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.common.registry import Registry


@dataclass(frozen=True)
class Contract:
    """What a suite reads and records: the constants of its module."""

    sets: dict[str, str]
    columns: tuple[str, ...]

    def files(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The name of each set's data file; ``parts`` are the names that a split gives."""
        return {name: parts.get(file, file) for name, file in self.sets.items()}


SUITES = Registry("lethe.evaluate.suites", "suite", Contract)
names, load, contract = SUITES.names, SUITES.load, SUITES.contract


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


def check(name: str, rows: Mapping[str, Sequence[dict]]) -> None:
    """Refuse rows that a suite could not put to a model, before there is one; by its ``check``."""
    asked = getattr(load(name), "check", None)
    if asked is not None:
        asked(rows)


def text_of(row: Mapping, key: str, place: str):
    """A row's text (or list of texts) that must be there; LetheError names the place."""
    value = row.get(key)
    if not value:
        raise LetheError(f"{place}: no {key}; every row that is evaluated needs one")
    return value


def places(name: str, rows: Iterable) -> list[str]:
    """What messages call the rows of a set."""
    return [f"set '{name}', row {number}" for number, _ in enumerate(rows, start=1)]
