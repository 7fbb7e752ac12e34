"""Records: what one evaluation of a run wrote down for every item, and all that metrics read.

The format is described in ``docs/architecture.md``. A record that is incomplete, of unequal lengths
or not finite is refused here, so that no metric ever turns it into a number.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from lethe.errors import LetheError
from lethe.files import read_json, write_text

FORMAT = 1
SETS = ("forget", "retain", "real_authors", "world_facts")
REMEDY = "delete the file to have it made again"

TEXTS = ("question", "answer", "generation")
# A mean negative log-likelihood is never below zero but for rounding.
LOWEST_LOSS = -1e-4

# Losses or token counts of several answers an item: 2-D [n, k], or n arrays where k varies.
Nested = np.ndarray | list[np.ndarray]


@dataclass(frozen=True, eq=False)
class ItemSet:
    """The items of one set, column by column, each of length n.

    Losses are the mean negative log-likelihood of a token of the answer in nats, the end token
    included; ``*_tokens`` how many tokens that is (None only where a foreign log does not tell).
    ``perturbed_loss`` is [n, k], or a list of n arrays where items have unequal numbers of wrong
    answers. ``paraphrase_loss`` is None where a set has no paraphrases.
    """

    question: list[str]
    answer: list[str]
    generation: list[str]
    answer_loss: np.ndarray
    perturbed_loss: Nested
    paraphrase_loss: np.ndarray | None = None
    answer_tokens: np.ndarray | None = None
    paraphrase_tokens: np.ndarray | None = None
    perturbed_tokens: Nested | None = None

    def __len__(self) -> int:
        return len(self.question)

    def take(self, rows: list[int]) -> "ItemSet":
        """The items at ``rows`` (0-based), in that order."""
        return ItemSet(**{f.name: _take(getattr(self, f.name), rows) for f in fields(self)})


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The sets of one checkpoint; ``epoch`` and ``step`` are 0 for a run with only one."""

    epoch: int
    step: int
    sets: dict[str, ItemSet]


@dataclass(frozen=True, eq=False)
class Records:
    """All checkpoints of a run under one suite; ``path`` is for messages."""

    suite: str
    checkpoints: list[Checkpoint] = field(default_factory=list)
    path: str = "records"


def read_records(path: str | os.PathLike) -> Records:
    """Read and check a records file; LetheError names file, set and column of the first fault."""
    return _records(read_json(path), str(path), REMEDY)


def write_records(path: str | os.PathLike, records: Records) -> None:
    """Write records as compact JSON, atomically; the same records give the same bytes.

    What ``read_records`` would refuse is refused here too, and no file is left.
    """
    document = _document(records)
    _records(document, str(path), "nothing was written: mend what was recorded")
    write_text(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")


def item_set(columns: Any, where: str, remedy: str = REMEDY, tokens: bool = True) -> ItemSet:
    """Check the columns of one set and make an ItemSet of them.

    ``columns`` maps names of columns to lists; ``where`` names file and set, ``remedy`` ends every
    message. Without ``tokens``, the columns of token counts need not be there.
    """
    if not isinstance(columns, Mapping):
        raise LetheError(f"{where}: expected columns, found {_kind(columns)}; {remedy}")
    table = _Columns(columns, where, remedy)
    optional = not tokens
    paraphrased = "paraphrase_loss" in columns or "paraphrase_tokens" in columns
    made = {name: table.texts(name) for name in TEXTS}
    made["answer_loss"] = table.losses("answer_loss")
    made["answer_tokens"] = table.counts("answer_tokens", optional)
    made["perturbed_loss"] = table.nested("perturbed_loss", table.loss_fault, float)
    made["perturbed_tokens"] = table.nested("perturbed_tokens", table.count_fault, int, optional)
    if paraphrased:
        made["paraphrase_loss"] = table.losses("paraphrase_loss")
        made["paraphrase_tokens"] = table.counts("paraphrase_tokens", optional)
    _same_shape(made["perturbed_loss"], made["perturbed_tokens"], where, remedy)
    return ItemSet(**made)


class _Columns:
    """Columns of one set under examination: each method returns one column or raises."""

    def __init__(self, columns: Mapping[str, Any], where: str, remedy: str):
        self.columns, self.where, self.remedy = columns, where, remedy
        self.length: int | None = None

    def fail(self, name: str, why: str) -> LetheError:
        return LetheError(f"{self.where}, column '{name}': {why}; {self.remedy}")

    def column(self, name: str) -> list:
        if name not in self.columns:
            raise self.fail(name, "missing")
        values = self.columns[name]
        if not isinstance(values, list) or not values:
            found = "an empty list" if values == [] else _kind(values)
            raise self.fail(name, f"expected a list of values, found {found}")
        if self.length is None:
            self.length = len(values)
        if len(values) != self.length:
            raise self.fail(name, f"{len(values)} values for {self.length} questions")
        return values

    def texts(self, name: str) -> list[str]:
        values = self.column(name)
        self.each(name, values, lambda value: None if isinstance(value, str) else "not text")
        return values

    def losses(self, name: str) -> np.ndarray:
        values = self.column(name)
        self.each(name, values, self.loss_fault)
        return np.array(values, dtype=float)

    def counts(self, name: str, optional: bool) -> np.ndarray | None:
        if optional and name not in self.columns:
            return None
        values = self.column(name)
        self.each(name, values, self.count_fault)
        return np.array(values, dtype=int)

    def nested(self, name, fault, dtype, optional: bool = False) -> Nested | None:
        if optional and name not in self.columns:
            return None
        rows = self.column(name)
        self.each(name, rows, lambda row: None if isinstance(row, list) else "not a list")
        self.each(name, rows, lambda row: next(filter(None, map(fault, row)), None))
        if len({len(row) for row in rows}) == 1:
            return np.array(rows, dtype=dtype).reshape(len(rows), len(rows[0]))
        return [np.array(row, dtype=dtype) for row in rows]

    def each(self, name: str, values: list, fault) -> None:
        """Raise for the first value with a fault, and say how many have one."""
        faults = [(row, why) for row, why in enumerate(map(fault, values)) if why]
        if faults:
            row, why = faults[0]
            count = f"{len(faults)} of {len(values)} values"
            raise self.fail(name, f"{count} cannot be used, the first (row {row}) is {why}")

    @staticmethod
    def loss_fault(value: Any) -> str | None:
        # type() and not isinstance(): true and false are no losses.
        if type(value) not in (int, float):
            return "not a number"
        if not np.isfinite(value):
            return "not finite"
        return "negative" if value < LOWEST_LOSS else None

    @staticmethod
    def count_fault(value: Any) -> str | None:
        return None if type(value) is int and value > 0 else "not a positive whole number"


def _records(document: Any, path: str, remedy: str) -> Records:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise LetheError(f"{path}: not a records file of format {FORMAT}; {remedy}")
    suite, checkpoints = document.get("suite"), document.get("checkpoints")
    if not isinstance(suite, str) or not suite:
        raise LetheError(f"{path}: key 'suite' is missing or not a name; {remedy}")
    if not isinstance(checkpoints, list) or not checkpoints:
        raise LetheError(f"{path}: key 'checkpoints' is missing or has no checkpoint; {remedy}")
    made = [_checkpoint(entry, suite, path, remedy) for entry in checkpoints]
    places = [(checkpoint.epoch, checkpoint.step) for checkpoint in made]
    if len(set(places)) < len(places):
        raise LetheError(f"{path}: two checkpoints have the same epoch and step; {remedy}")
    return Records(suite, made, path)


def _checkpoint(entry: Any, suite: str, path: str, remedy: str) -> Checkpoint:
    if not isinstance(entry, dict):
        raise LetheError(f"{path}: a checkpoint is {_kind(entry)}, not an object; {remedy}")
    for key in ("epoch", "step"):
        if type(entry.get(key)) is not int or entry[key] < 0:
            raise LetheError(f"{path}: '{key}' of a checkpoint is not a whole number; {remedy}")
    where = f"{path}: checkpoint of epoch {entry['epoch']}"
    sets = entry.get("sets")
    if not isinstance(sets, dict) or not sets:
        raise LetheError(f"{where}: key 'sets' is missing or has no set; {remedy}")
    missing = [name for name in SETS if name not in sets] if suite == "tofu" else []
    if missing:
        raise LetheError(f"{where}: no set {', '.join(map(repr, missing))}; {remedy}")
    made = {name: item_set(sets[name], f"{where}, set '{name}'", remedy) for name in sets}
    return Checkpoint(entry["epoch"], entry["step"], made)


def _document(records: Records) -> dict:
    checkpoints = [
        {
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
            "sets": {name: _columns(items) for name, items in checkpoint.sets.items()},
        }
        for checkpoint in records.checkpoints
    ]
    return {"format": FORMAT, "suite": records.suite, "checkpoints": checkpoints}


def _columns(items: ItemSet) -> dict[str, list]:
    columns = {f.name: getattr(items, f.name) for f in fields(items)}
    return {name: _plain(column) for name, column in columns.items() if column is not None}


def _plain(column: Any) -> list:
    if isinstance(column, np.ndarray):
        return column.tolist()
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in column]


def _take(column: Any, rows: list[int]) -> Any:
    if isinstance(column, np.ndarray):
        return column[rows]
    return None if column is None else [column[row] for row in rows]


def _same_shape(losses: Nested, tokens: Nested | None, where: str, remedy: str) -> None:
    if tokens is None:
        return
    unequal = sum(len(a) != len(b) for a, b in zip(losses, tokens, strict=True))
    if unequal:
        why = f"{unequal} items have another number of values than in 'perturbed_loss'"
        raise LetheError(f"{where}, column 'perturbed_tokens': {why}; {remedy}")


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
