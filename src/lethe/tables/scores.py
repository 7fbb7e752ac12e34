"""All numbers of a world in one tidy table: a row for each value of each checkpoint."""

import csv
import math
import os
from collections.abc import Iterable, Mapping

import pandas as pd

from lethe.errors import LetheError
from lethe.files import whole_file

COLUMNS = ["model", "split", "run", "seed", "epoch", "step", "metric", "name", "value"]
# What tells one row from another.
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
        raise LetheError(f"scores of several worlds ({', '.join(sorted(worlds))}): collect each")
    scores = pd.DataFrame(rows, columns=COLUMNS).astype(_NUMBERS)
    _check_unique(scores, "entries")
    return scores


def _rows(entry: Mapping) -> list[tuple]:
    from lethe.metrics.base import read_metric

    place = (entry["model"], entry["split"], entry["run"], int(entry["seed"]))
    metric = entry["metric"]
    return [
        (*place, checkpoint.epoch, checkpoint.step, metric, name, value)
        for checkpoint in read_metric(entry["path"], metric).checkpoints
        for name, value in checkpoint.values.items()
    ]


def _check_unique(scores: pd.DataFrame, source: str | os.PathLike) -> None:
    twice = scores[scores.duplicated(KEY)]
    if len(twice):
        row = ", ".join(str(twice.iloc[0][column]) for column in KEY)
        raise LetheError(f"{source}: two values for {row}; give each metric file once")


def write_scores(scores: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write scores as CSV; floats keep every digit, so that reading gives the same numbers."""
    with whole_file(path) as temporary:
        scores[COLUMNS].to_csv(temporary, index=False, lineterminator="\n")


def read_scores(path: str | os.PathLike) -> pd.DataFrame:
    """Read what ``write_scores`` wrote; anything else is a LetheError that names file and line."""
    try:
        with open(path, encoding="utf-8", newline="") as handle:
            lines = list(csv.reader(handle, strict=True))
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LetheError(f"{path}: not a CSV file ({error}); {_REMEDY}") from None
    if not lines or lines[0] != COLUMNS:
        raise LetheError(f"{path}: expected the columns {','.join(COLUMNS)}; {_REMEDY}")
    rows = [_parse(path, number, cells) for number, cells in enumerate(lines[1:], start=2)]
    scores = pd.DataFrame(rows, columns=COLUMNS).astype(_NUMBERS)
    _check_unique(scores, path)
    scores.attrs["source"] = str(path)
    return scores


def source(scores: pd.DataFrame) -> str:
    """What messages call the scores: the file they were read from."""
    return scores.attrs.get("source", "scores")


def _parse(path: str | os.PathLike, number: int, cells: list[str]) -> list:
    if len(cells) != len(COLUMNS) or not all(cells):
        raise LetheError(
            f"{path}, line {number}: expected {len(COLUMNS)} filled columns; {_REMEDY}"
        )
    row = []
    for column, cell in zip(COLUMNS, cells, strict=True):
        try:
            value = _NUMBERS.get(column, str)(cell)
        except ValueError:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            raise LetheError(f"{path}, line {number}: {column} is {cell!r}, no number; {_REMEDY}")
        row.append(value)
    return row
