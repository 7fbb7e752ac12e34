"""Kolmogorov-Smirnov tests of the paper: the two samples of each cell, and the test's result."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from lethe import metrics
from lethe.analysis.log_scores import common_rows
from lethe.common.errors import LetheError
from lethe.report.labels import BASE, FULL, RETAIN
from lethe.report.paper.evaluations import Evaluations
from lethe.report.table_layout import bracketed
from lethe.world.splits.author_share import published

RANDOM = "random"
REFERENCES = (FULL, BASE, RANDOM)
SETS = ("retain", "forget")


@dataclass(frozen=True)
class Side:
    """One sample: the truth ratios of a run on one of the sets it was evaluated on."""

    model: str
    run: str
    split: str
    set_name: str

    @property
    def label(self) -> str:
        """``retain90``, ``full``; oracles are distinguished by what they were trained on."""
        return published(self.split).files["retain"] if self.run == RETAIN else self.run


@dataclass(frozen=True)
class Cell:
    """Two samples to compare, and the exhibit that shows the comparison."""

    exhibit: str
    first: Side
    second: Side

    @property
    def data(self) -> str:
        """The set of both samples, or both sets."""
        return " and ".join(dict.fromkeys((self.first.set_name, self.second.set_name)))

    @property
    def key(self) -> str:
        """Identifies the cell among those of its models."""
        return f"{self.exhibit}/{self.data}/{self.first.label}-{self.second.label}"


@dataclass(frozen=True)
class Outcome:
    """p, the statistic and the sample sizes; if there are none, ``why`` says what is missing."""

    p: float | None = None
    statistic: float | None = None
    n: tuple[int, int] | None = None
    why: str = ""


def largest_first(splits: Iterable[str]) -> list[str]:
    return sorted(splits, key=lambda name: -published(name).percent)


def retain_cells(model: str, splits: Sequence[str]) -> list[Cell]:
    """Table 3: every pair of oracles, on the retain data and on their common forget items."""
    return [
        Cell("table3", Side(model, RETAIN, one, name), Side(model, RETAIN, other, name))
        for name in SETS
        for one, other in combinations(largest_first(splits), 2)
    ]


def reference_cells(model: str, splits: Sequence[str]) -> list[Cell]:
    """Table 4: each oracle against the finetuned, the pretrained and the random model."""
    return [
        Cell("table4", Side(model, RETAIN, split, name), Side(model, run, split, name))
        for name in SETS
        for split in largest_first(splits)
        for run in REFERENCES
    ]


def figure_cells(model: str, other: str | None, split: str) -> list[Cell]:
    """Figure 4: two models' oracles on retain; one on forget and retain; oracle and finetuned.

    If there is no ``other`` model, the left panel lacks its second sample.
    """
    oracle = Side(model, RETAIN, split, "retain")
    forget = Side(model, RETAIN, split, "forget")
    return [
        Cell("figure4_left", oracle, Side(other or "", RETAIN, split, "retain")),
        Cell("figure4_middle", forget, oracle),
        Cell("figure4_right", forget, Side(model, FULL, split, "forget")),
    ]


def samples(cell: Cell, evaluations: Evaluations) -> tuple[list[list[float]], str]:
    """The two samples of a cell; if there are none, the reason.

    Samples of the same set are reduced to their common items, matched by the question's text;
    samples of two sets are taken whole.
    """
    sides = (cell.first, cell.second)
    missing = [
        f"{s.model} {s.label}" for s in sides if not evaluations.has(s.model, s.run, s.split)
    ]
    if missing:
        return [], f"no evaluation of {' and '.join(missing)}"
    samples = [evaluations.get(s.model, s.run, s.split).sample(s.set_name) for s in sides]
    if cell.first.set_name != cell.second.set_name:
        return [sample.ratios for sample in samples], ""
    pairs = common_rows(samples[0].questions, samples[1].questions)
    if not pairs:
        return [], "no question in common"
    first, second = zip(*pairs, strict=True)
    chosen = ((samples[0], first), (samples[1], second))
    return [[sample.ratios[row] for row in rows] for sample, rows in chosen], ""


def test(cell: Cell, evaluations: Evaluations) -> Outcome:
    """The two-sided exact test of a cell, the same test as in forget quality."""
    ratios, why = samples(cell, evaluations)
    if why:
        return Outcome(why=why)
    values = metrics.load("forget_quality").compare(*ratios)
    sizes = (len(ratios[0]), len(ratios[1]))
    return Outcome(values["forget_quality"], values["ks_statistic"], sizes)


def table(cells: Iterable[Cell], evaluations: Evaluations) -> pd.DataFrame:
    """A row for each cell; LetheError if a sample is missing."""
    rows = []
    for cell in cells:
        result = test(cell, evaluations)
        if result.why:
            raise LetheError(f"{cell.key} of {cell.first.model}: {result.why}")
        rows.append(
            {
                "model": cell.first.model,
                "data": cell.data,
                "first": cell.first.label,
                "second": cell.second.label,
                "p": result.p,
                "statistic": result.statistic,
                "n": result.n[0],
            }
        )
    return pd.DataFrame(rows)


def pivot(tests: pd.DataFrame, columns: dict[str, str]) -> list[dict]:
    """Rows of ready-made text: p-values with n, under the heading of their column.

    ``columns`` names the columns of ``tests`` that stay columns, with their headings; each value
    of the column ``comparison`` becomes a heading.
    """
    rows: dict[tuple, dict] = {}
    for record in tests.to_dict("records"):
        place = tuple(record[name] for name in columns)
        row = rows.setdefault(place, dict(zip(columns.values(), place, strict=True)))
        row[record["comparison"]] = (
            f"{bracketed(record['p'], math.nan, math.nan, 'p')} (n={record['n']})"
        )
    return list(rows.values())
