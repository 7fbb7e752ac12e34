"""The logs of MUSE's own evaluation: a folder for each model (jaechan-repo and swj0419/muse_bench).

``verbmem_f``, ``knowmem_f`` and ``knowmem_r`` have in ``log.json`` a list of items with ``prompt``,
``gt``, ``response`` and their ROUGE values, ``privleak`` an object with items of ``forget``,
``retain`` and ``holdout``: the text, and the attack's values by name. Beside them lie MUSE's own
numbers, ``agg.json`` and ``auc.json``. A folder may have some of the four.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.common.numbers import finite
from lethe.evaluate.records import Checkpoint, ItemSet, Records

TEXTS = ("verbmem_f", "knowmem_f", "knowmem_r")
PRIVLEAK = "privleak"
FOLDERS = (*TEXTS, PRIVLEAK)
ATTACK = "Min-40%"
SIDES = ("forget", "holdout")
REMEDY = "name the folder that MUSE's evaluation wrote for one model (temp/NAME)"


@dataclass(frozen=True)
class Answers:
    """One of the three logs of texts: its items, their stated ROUGE-L F1, and the stated mean."""

    items: ItemSet
    rouge_l: list[float]
    mean: float | None

    def records(self, suite: str, name: str, path: str) -> Records:
        """The items as records of a suite, so that its metrics apply to them."""
        return Records(suite, [Checkpoint(0, 0, {name: self.items})], path)


@dataclass(frozen=True)
class Surprises:
    """The log of the attack: by set the value of each text, and the stated AUC."""

    by_set: dict[str, list[float]]
    auc: float | None


def read_logs(folder: str | os.PathLike) -> dict[str, Answers | Surprises]:
    """The logs in a folder by name. LetheError names the file and what is not MUSE's form."""
    folder = Path(folder)
    if not folder.is_dir():
        raise LetheError(f"{folder}: no such folder; {REMEDY}")
    there = [name for name in FOLDERS if (folder / name / "log.json").is_file()]
    if not there:
        raise LetheError(f"{folder}: no log.json in {', '.join(FOLDERS)}; {REMEDY}")
    return {name: _read(folder / name, name) for name in there}


def _read(folder: Path, name: str) -> Answers | Surprises:
    file = folder / "log.json"
    document = read_json(file, GIVEN)
    if name == PRIVLEAK:
        if not isinstance(document, dict):
            raise LetheError(f"{file}: not the items of {' and '.join(SIDES)}; {REMEDY}")
        by_set = {side: _values(document.get(side), f"{file}: {side}") for side in SIDES}
        return Surprises(by_set, _stated(folder / "auc.json", f"forget_holdout_{ATTACK}"))
    return _answers(document, file, _stated(folder / "agg.json", "mean_rougeL"))


def _answers(document: Any, file: Path, mean: float | None) -> Answers:
    rows = _items(document, str(file))
    texts = {key: [] for key in ("prompt", "gt", "response")}
    for number, row in enumerate(rows, start=1):
        for key, values in texts.items():
            if not isinstance(row.get(key), str):
                raise LetheError(f"{file}, item {number}: {key!r} is not a text; {REMEDY}")
            values.append(row[key])
    scores = [_number(row, "rougeL", f"{file}, item {n}") for n, row in enumerate(rows, start=1)]
    items = ItemSet(question=texts["prompt"], answer=texts["gt"], generation=texts["response"])
    return Answers(items, scores, mean)


def _values(document: Any, where: str) -> list[float]:
    rows = _items(document, where)
    return [_number(row, ATTACK, f"{where}, item {n}") for n, row in enumerate(rows, start=1)]


def _items(document: Any, where: str) -> list[dict]:
    if not isinstance(document, list) or not document:
        raise LetheError(f"{where}: not a list of items; {REMEDY}")
    for number, row in enumerate(document, start=1):
        if not isinstance(row, dict):
            raise LetheError(f"{where}, item {number}: not an object; {REMEDY}")
    return document


def _number(row: Mapping[str, Any], key: str, where: str) -> float:
    value = row.get(key)
    # type(), not isinstance(): true and false are not numbers here.
    if type(value) not in (int, float) or not finite(value):
        raise LetheError(f"{where}: {key!r} is {value!r}, not a number; {REMEDY}")
    return float(value)


def _stated(file: Path, key: str) -> float | None:
    """MUSE's own number in a file beside the log, if there is that file."""
    if not file.is_file():
        return None
    document = read_json(file, GIVEN)
    if not isinstance(document, dict):
        raise LetheError(f"{file}: not an object; {REMEDY}")
    return _number(document, key, str(file))
