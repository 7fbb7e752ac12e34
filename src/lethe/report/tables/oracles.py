"""Forget quality against several oracles, and of the oracles against each other.

A p-value against one oracle depends on that oracle's seed. Here every checkpoint is tested against
every oracle of its model and split, and all pairs of oracles against each other, a level that no
method can be expected to beat. ``docs/statistics.md`` says how to read it.

If a split's oracles have several roles, each role has its own rows, and a column names the role.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from lethe.analysis.statistics import ENOUGH, SIGNIFICANT, Distances, against_oracles, oracle_pairs
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric
from lethe.report.labels import FULL, RETAIN, run_label
from lethe.report.table_layout import bracketed, markdown_table
from lethe.report.tables.base import TableData

READS = ("truth_ratio",)
PAGE = {
    "title": "Every checkpoint against every oracle",
    "section": "statistics",
    "place": 2,
    "columns": {
        "epoch": ("Epoch", ".0f"),
        "tests": ("Tests", ".0f"),
        "p_median": ("p, median ↑", "p"),
        "ks_median": ("KS, median ↓", ".3f"),
        "rejected": ("p < 0.05 ↓", ".0%"),
        "floor_p_median": ("p of oracle pairs", "p"),
        "floor_ks_median": ("KS of oracle pairs", ".3f"),
        "position": ("Position ↓", ".2f"),
    },
}
# Columns of the distances between a checkpoint and the oracles, and between oracles.
_TESTS = ("tests", "p_median", "p_min", "p_max", "ks_median", "ks_min", "ks_max", "rejected")
_FLOOR_P = ("floor_p_median", "floor_p_min", "floor_p_max", "floor_p_q05")
_FLOOR_KS = ("floor_ks_median", "floor_ks_min", "floor_ks_max", "floor_ks_q95")
_FLOOR = ("pairs", *_FLOOR_P, *_FLOOR_KS, "floor_rejected", "position")
COLUMNS = ["model", "split", "run", "seed", "epoch", *_TESTS, *_FLOOR]


def build(data: TableData) -> pd.DataFrame:
    """One row for each checkpoint of the full model, the oracles and the methods.

    An oracle is tested against the others; a single oracle has no row.
    """
    rows = []
    files = _by_split(data.files)
    for (model, split), runs in files.items():
        for role in data.roles(split):
            rows += _rows(runs, {"model": model, "split": split, "oracle": role}, data)
    usual = all(tuple(data.roles(split)) == (RETAIN,) for _, split in files)
    columns = COLUMNS if usual else [*COLUMNS[:2], "oracle", *COLUMNS[2:]]
    return pd.DataFrame(rows, columns=columns)


def _by_split(entries: Iterable[Mapping]) -> dict[tuple, dict[tuple, MetricFile]]:
    """Truth ratios by run and seed, for each model and split."""
    files: dict[tuple, dict[tuple, MetricFile]] = {}
    for entry in entries:
        runs = files.setdefault((entry["model"], entry["split"]), {})
        runs[entry["run"], int(entry["seed"])] = read_metric(entry["path"], "truth_ratio")
    return files


def _rows(runs: Mapping[tuple, MetricFile], place: dict, data: TableData) -> Iterator[dict]:
    where, role = f"{place['model']}/{place['split']}", place["oracle"]
    oracles = {seed: file for (run, seed), file in runs.items() if run == role}
    if not oracles:
        raise LetheError(f"oracles: no truth ratios of {where}/{role}; score that run")
    pairs = oracle_pairs(list(oracles.values()))
    for run, seed in _listed(oracles, data.roles(place["split"]), data):
        if (run, seed) not in runs:
            raise LetheError(
                f"oracles: no truth ratios of {where}/{run}/seed{seed}; score that run"
            )
        others = [file for other, file in oracles.items() if run != role or other != seed]
        for checkpoint in runs[run, seed].checkpoints if others else ():
            own = {**place, "run": run, "seed": seed, "epoch": checkpoint.epoch}
            yield own | _numbers(runs[run, seed], checkpoint, others, pairs)


def _listed(seeds: Iterable[int], roles: Sequence[str], data: TableData) -> list[tuple[str, int]]:
    """Run and seed of all rows, in the order of the other tables; ``seeds`` are the oracles'."""
    methods = [(method, seed) for method in data.methods for seed in data.seeds]
    full = [(FULL, seed) for seed in data.seeds]
    return [*full, *((role, seed) for role in roles for seed in seeds), *methods]


def _numbers(
    run: MetricFile,
    checkpoint: CheckpointValues,
    oracles: Sequence[MetricFile],
    pairs: Distances | None,
) -> dict:
    tests = against_oracles(run, checkpoint, oracles)
    row = {"tests": len(tests.p), **_spread("p", tests.p), **_spread("ks", tests.ks)}
    row |= {"rejected": tests.rejected, "pairs": 0}
    return row | (_floor(pairs, row["ks_median"]) if pairs else {})


def _floor(pairs: Distances, ks: float) -> dict:
    """The tests of all pairs of oracles, and a statistic's position among them."""
    enough = len(pairs.p) >= ENOUGH
    return {
        "pairs": len(pairs.p),
        **_spread("floor_p", pairs.p),
        "floor_p_q05": float(np.quantile(pairs.p, 0.05)) if enough else math.nan,
        **_spread("floor_ks", pairs.ks),
        "floor_ks_q95": float(np.quantile(pairs.ks, 0.95)) if enough else math.nan,
        "floor_rejected": pairs.rejected,
        "position": pairs.position_of(ks),
    }


def _spread(name: str, values: np.ndarray) -> dict:
    numbers = {"median": np.median(values), "min": values.min(), "max": values.max()}
    return {f"{name}_{key}": float(number) for key, number in numbers.items()}


def markdown(table: pd.DataFrame) -> str:
    """The last epoch of each run, all seeds in one line; the oracles' pairs first."""
    rows = []
    named = table if "oracle" in table else table.assign(oracle=RETAIN)
    for (model, split, role), part in named.groupby(["model", "split", "oracle"], sort=False):
        place = {"Model": model, "Forget set": split}
        if "oracle" in table:
            place["Oracle"] = run_label(role)
        if part["pairs"].iloc[0]:
            rows.append(place | _floor_line(part.iloc[0]))
        last = part[part["epoch"] == part.groupby(["run", "seed"])["epoch"].transform("max")]
        for run, seeds in last[last["run"] != role].groupby("run", sort=False):
            rows.append(place | _line(run, seeds))
    return markdown_table(rows) + _note(table)


def _floor_line(row: pd.Series) -> dict:
    return {
        "Run": "Oracle pairs",
        "Tests": row["pairs"],
        "p: median [range] ↑": _range(row, "floor_p", "p"),
        "KS: median [range] ↓": _range(row, "floor_ks", ".3f"),
        f"p < {SIGNIFICANT} ↓": f"{row['floor_rejected']:.0%}",
        "Position ↓": "",
    }


def _line(run: str, seeds: pd.DataFrame) -> dict:
    row = pd.Series(
        {column: seeds[column].median() for column in ("p_median", "ks_median", "position")}
        | {column: seeds[column].min() for column in ("p_min", "ks_min")}
        | {column: seeds[column].max() for column in ("p_max", "ks_max")}
    )
    position = row["position"]
    return {
        "Run": run_label(run),
        "Tests": seeds["tests"].sum(),
        "p: median [range] ↑": _range(row, "p", "p"),
        "KS: median [range] ↓": _range(row, "ks", ".3f"),
        f"p < {SIGNIFICANT} ↓": f"{seeds['rejected'].mean():.0%}",
        "Position ↓": "" if math.isnan(position) else f"{position:.2f}",
    }


def _range(row: pd.Series, name: str, digits: str) -> str:
    """Median and range, or the value of a single test."""
    median, *ends = (row[f"{name}_{key}"] for key in ("median", "min", "max"))
    return bracketed(median, *(ends if ends[0] < ends[1] else (math.nan, math.nan)), digits)


def _note(table: pd.DataFrame) -> str:
    text = (
        "\nEvery run at its last epoch, each of its seeds against each oracle; with several seeds, "
        "medians of their medians.\n"
    )
    if (table["pairs"] == 0).any():
        return text + "One oracle, so no noise floor: add oracle_seeds to the configuration.\n"
    return text + (
        "Oracle pairs: the noise floor. Position: the share of these pairs that are closer than "
        "the run is to the oracles (1: farther than any pair).\n"
    )
