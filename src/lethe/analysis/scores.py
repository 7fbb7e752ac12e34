"""All numbers of a world in one tidy table: a row for each value of each checkpoint."""

import csv
import math
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from lethe.common.errors import LetheError
from lethe.common.files import whole_file

if TYPE_CHECKING:
    from lethe.metrics.base import MetricFile

COLUMNS = ["model", "split", "run", "seed", "epoch", "step", "metric", "name", "value"]
# The columns that identify a row.
KEY = [column for column in COLUMNS if column not in ("step", "value")]
_ENTRY = ("world", "model", "split", "run", "seed", "metric", "path")
_NUMBERS = {"seed": int, "epoch": int, "step": int, "value": float}
_REMEDY = "delete the file to have it made again"


def collect_scores(entries: Iterable[Mapping]) -> pd.DataFrame:
    """Read metric files into tidy rows, in the order of ``entries``.

    Each entry says where a file belongs: ``world``, ``model``, ``split``, ``run``, ``seed``,
    ``metric`` and ``path``. The files are of one world.
    """
    rows, worlds = [], set()
    for entry in entries:
        missing = [key for key in _ENTRY if key not in entry]
        if missing:
            raise LetheError(f"entry {dict(entry)}: add the missing {', '.join(missing)}")
        worlds.add(entry["world"])
        rows.extend(_rows(entry))
    if len(worlds) > 1:
        raise LetheError(
            f"scores of several worlds ({', '.join(sorted(worlds))}): collect each by itself"
        )
    scores = pd.DataFrame(rows, columns=COLUMNS).astype(_NUMBERS)
    _check_unique(scores, "entries", KEY)
    return scores


def scores_of(
    metrics: Iterable["MetricFile"], *, model: str, split: str, run: str, seed: int = 0
) -> pd.DataFrame:
    """Tidy rows of a run's metrics in memory, such as those of ``evaluate``."""
    place = (model, split, run, seed)
    rows = [row for metric in metrics for row in _of_metric(place, metric)]
    return pd.DataFrame(rows, columns=COLUMNS).astype(_NUMBERS)


def joined_scores(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several tables of scores as one; LetheError if two have the same value."""
    scores = pd.concat(list(tables), ignore_index=True)
    _check_unique(scores, "scores", KEY)
    return scores


def _rows(entry: Mapping) -> list[tuple]:
    from lethe.metrics.base import read_metric

    place = (entry["model"], entry["split"], entry["run"], int(entry["seed"]))
    return _of_metric(place, read_metric(entry["path"], entry["metric"]))


def _of_metric(place: tuple, metric: "MetricFile") -> list[tuple]:
    return [
        (*place, checkpoint.epoch, checkpoint.step, metric.metric, name, value)
        for checkpoint in metric.checkpoints
        for name, value in checkpoint.values.items()
    ]


def write_scores(scores: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write scores as CSV."""
    write_numbers(scores[COLUMNS], path)


def read_scores(path: str | os.PathLike, remedy: str = _REMEDY) -> pd.DataFrame:
    """Read what ``write_scores`` wrote; for anything else LetheError names file and line.

    ``remedy``: what to do about a file that is none; a user's own must not be deleted.
    """
    return read_numbers(path, COLUMNS, _NUMBERS, KEY, remedy)


def source(scores: pd.DataFrame) -> str:
    """The name of the scores in messages: the file they were read from."""
    return scores.attrs.get("source", "scores")


def write_numbers(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write CSV; floats keep every digit, so that reading gives the same numbers."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_numbers(
    path: str | os.PathLike,
    columns: list[str],
    numbers: Mapping[str, type],
    key: list[str],
    remedy: str = _REMEDY,
) -> pd.DataFrame:
    """Read CSV of exactly these columns, every cell filled, ``numbers`` finite, no key twice."""
    try:
        with open(path, encoding="utf-8", newline="") as handle:
            lines = list(csv.reader(handle, strict=True))
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LetheError(f"{path}: not a CSV file ({error}); {remedy}") from None
    if not lines or lines[0] != columns:
        raise LetheError(f"{path}: expected the columns {','.join(columns)}; {remedy}")
    rows = [
        _parse(f"{path}, line {line}", cells, columns, numbers, remedy)
        for line, cells in enumerate(lines[1:], start=2)
    ]
    table = pd.DataFrame(rows, columns=columns).astype(dict(numbers))
    _check_unique(table, path, key)
    table.attrs["source"] = str(path)
    return table


def _check_unique(table: pd.DataFrame, source: str | os.PathLike, key: list[str]) -> None:
    twice = table[table.duplicated(key)]
    if len(twice):
        row = ", ".join(str(twice.iloc[0][column]) for column in key)
        raise LetheError(f"{source}: two values for {row}; give each metric file once")


def _parse(
    place: str, cells: list[str], columns: list[str], numbers: Mapping[str, type], remedy: str
) -> list:
    if len(cells) != len(columns) or not all(cells):
        raise LetheError(f"{place}: expected {len(columns)} filled columns; {remedy}")
    row = []
    for column, cell in zip(columns, cells, strict=True):
        try:
            value = numbers.get(column, str)(cell)
        except ValueError:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            raise LetheError(f"{place}: {column} is {cell!r}, not a number; {remedy}")
        row.append(value)
    return row
