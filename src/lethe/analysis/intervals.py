"""The file of intervals over items: a row for each value that has one."""

import os
from collections.abc import Mapping

import pandas as pd

from lethe.analysis.scores import read_numbers, write_numbers

# The columns that identify a value.
PLACE = ["model", "split", "run", "seed", "epoch", "metric", "name"]
COLUMNS = [*PLACE, "low", "high"]
NUMBERS = {"seed": int, "epoch": int, "low": float, "high": float}

# (model, split, run, seed, epoch, metric, name) -> (low, high)
Intervals = Mapping[tuple, tuple[float, float]]


def write_intervals(intervals: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write intervals as CSV."""
    write_numbers(intervals, path)


def read_intervals(path: str | os.PathLike) -> Intervals:
    """Read what ``write_intervals`` wrote; anything else is a LetheError."""
    return by_place(read_numbers(path, COLUMNS, NUMBERS, PLACE))


def by_place(intervals: pd.DataFrame) -> Intervals:
    """Low and high by model, split, run, seed, epoch, metric and name."""
    places = intervals[PLACE].itertuples(index=False, name=None)
    ends = intervals[["low", "high"]].itertuples(index=False, name=None)
    return dict(zip(places, ends, strict=True))
