"""From tidy scores to a table: the runs in its rows, their means and their intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from tabulate import tabulate

from lethe.analysis.intervals import Intervals
from lethe.analysis.scores import source
from lethe.analysis.statistics import LEVEL, range_coverage, seed_interval
from lethe.common.errors import LetheError
from lethe.report.labels import BASE, FULL, RETAIN, run_label

if TYPE_CHECKING:
    from lethe.report.tables.base import TableData

OTHER_SEED = "_other_seed"


@dataclass(frozen=True)
class Group:
    """The runs behind one row of a table: the same model, split and run under several seeds."""

    model: str
    split: str
    run: str
    seeds: tuple[int, ...]
    scores: pd.DataFrame
    other: bool = False
    # Whether forget quality is measured against this run.
    oracle: bool = False

    @property
    def name(self) -> str:
        """The run's name in CSV files; further oracles have names of their own."""
        return f"{self.run}{OTHER_SEED}" if self.other else self.run

    @property
    def _place(self) -> str:
        """The run's name in messages."""
        return f"{source(self.scores)}: {self.model}/{self.split}/{self.run}"

    def values(self, metric: str, name: str) -> list[float]:
        """One value for each seed, at the last epoch."""
        rows = self.scores[(self.scores["metric"] == metric) & (self.scores["name"] == name)]
        by_seed = dict(zip(rows["seed"], rows["value"], strict=True))
        missing = [seed for seed in self.seeds if seed not in by_seed]
        if missing:
            raise LetheError(
                f"{self._place}/seed{missing[0]} has no {metric}.{name}; score that run"
            )
        return [by_seed[seed] for seed in self.seeds]

    @property
    def epoch(self) -> int:
        """The last epoch, which all seeds share."""
        epochs = sorted(set(self.scores["epoch"]))
        if len(epochs) > 1:
            raise LetheError(
                f"{self._place} ends at epochs {epochs}; "
                "score every seed's and metric's last checkpoint"
            )
        return int(epochs[0])


def groups(
    scores: pd.DataFrame,
    methods: Sequence[str],
    seeds: Sequence[int],
    oracles: Mapping[str, Sequence[str]] | None = None,
) -> list[Group]:
    """The rows of a table, for each model and split: base if it is evaluated, full, the oracles
    and those of other seeds, the methods.

    ``seeds`` are the seeds of the configuration; an oracle of any other seed is a further one,
    whose distance to the first is the noise floor. ``oracles``: the runs of each split's oracles,
    as in ``TableData``.
    """
    last = last_epochs(scores)
    seeds = tuple(dict.fromkeys(int(seed) for seed in seeds))
    groups = []
    for (model, split), part in last.groupby(["model", "split"], sort=False):
        roles = (oracles or {}).get(split, (RETAIN,))
        if BASE in set(part["run"]):
            groups.append(Group(model, split, BASE, seeds[:1], part[part["run"] == BASE]))
        for run in dict.fromkeys((FULL, *roles, *methods)):
            rows = part[(part["run"] == run) & part["seed"].isin(seeds)]
            if rows.empty:
                raise LetheError(
                    f"{source(scores)}: no rows for {model}/{split}/{run}; score that run"
                )
            groups.append(Group(model, split, run, seeds, rows, oracle=run == roles[0]))
            if run in roles:
                groups += _further(Group(model, split, run, seeds, part[part["run"] == run]))
    return groups


def _further(oracle: Group) -> list[Group]:
    """The oracle's runs with seeds outside the group, if there are any."""
    seeds = tuple(sorted(set(oracle.scores["seed"]) - set(oracle.seeds)))
    rows = oracle.scores[oracle.scores["seed"].isin(seeds)]
    return [Group(oracle.model, oracle.split, oracle.run, seeds, rows, other=True)] if seeds else []


def with_metric(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The scores of the models and splits for which a metric was computed."""
    place = ["model", "split"]
    there = scores.loc[scores["metric"] == metric, place].drop_duplicates()
    wanted = {tuple(row) for row in there.itertuples(index=False)}
    return scores[[tuple(row) in wanted for row in scores[place].itertuples(index=False)]]


def is_measured(scores: pd.DataFrame, metric: str) -> bool:
    """Whether a metric was computed at all; if a single run lacks it, ``Group`` raises an error."""
    return bool((scores["metric"] == metric).any())


def last_epochs(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of each run's last epoch."""
    run = ["model", "split", "run", "seed"]
    return scores[scores["epoch"] == scores.groupby(run)["epoch"].transform("max")]


def columns(group: Group, key: str, metric: str, name: str, intervals: Intervals) -> dict:
    """A number's columns: mean over seeds, ends of the interval, standard deviation over seeds.

    The interval is over seeds, or over items if there is one seed (``interval_kind``). Missing
    numbers are NaN.
    """
    return spread(key, group.values(metric, name), _over_items(group, metric, name, intervals))


def _over_items(group: Group, metric: str, name: str, intervals: Intervals) -> tuple[float, float]:
    """The interval over the first seed's items; NaN if the value has none."""
    run = (group.model, group.split, group.run, group.seeds[0])
    return intervals.get((*run, group.epoch, metric, name), (math.nan, math.nan))


def spread(
    key: str, values: Sequence[float], one: tuple[float, float] = (math.nan, math.nan)
) -> dict:
    """The columns of a number's values over seeds; ``one`` is the interval of a single seed.

    Without values all are NaN.
    """
    low, high = seed_interval(values) if len(values) > 1 else one
    series = pd.Series(list(values), dtype=float)
    numbers = {"": series.mean(), "_low": low, "_high": high, "_sd": series.std(ddof=1)}
    return {f"{key}{suffix}": float(number) for suffix, number in numbers.items()}


def with_interval(record: dict, key: str, digits: str) -> str:
    """A number of a row that ``spread`` made, with the ends of its interval; empty if undefined."""
    ends = [record.get(f"{key}{end}", math.nan) for end in ("_low", "_high")]
    text = "" if math.isnan(record[key]) else format(record[key], digits)
    if math.isnan(ends[0]):
        return text
    return f"{text} [{', '.join(format(end, digits) for end in ends)}]"


def interval_kind(group: Group) -> str:
    """What a row's intervals are over: seeds or items."""
    return "seeds" if len(group.seeds) > 1 else "items"


def place(group: Group) -> dict:
    """The first columns of a table's row."""
    return {
        "model": group.model,
        "split": group.split,
        "run": group.name,
        "epoch": group.epoch,
        "seeds": len(group.seeds),
        "interval": interval_kind(group),
    }


def row_label(name: str) -> str:
    """The label of a row's run in Markdown."""
    run = name.removesuffix(OTHER_SEED)
    return run_label(name) if run == name else f"{run_label(run)} (another seed)"


def row_start(record: Mapping) -> dict:
    """The first cells of a row of Markdown."""
    return {
        "Model": record["model"],
        "Forget set": record["split"],
        "Run": row_label(record["run"]),
    }


def cell(record: Mapping, key: str, digits: str) -> str:
    """A number of a row as a paper prints it: ``0.512 [0.498, 0.526]``, or without an interval.

    ``digits`` is a format such as ``.3f``, or ``p`` for a p-value.
    """
    return bracketed(record[key], record[f"{key}_low"], record[f"{key}_high"], digits)


def bracketed(value: float, low: float, high: float, digits: str) -> str:
    """``0.512 [0.498, 0.526]``; the value alone where the ends are NaN."""
    write = _p_value if digits == "p" else lambda number: format(number, digits)
    text = write(value)
    return text if math.isnan(low) else f"{text} [{write(low)}, {write(high)}]"


def _p_value(p: float) -> str:
    """``0.894``; scientific if three decimals would say nothing: ``1.10e-19``."""
    if p == 0:
        return "0"  # smaller than any double
    return format(p, ".3f" if p >= 0.001 else ".2e")


def markdown_table(rows: list[dict]) -> str:
    """A Markdown table of ready-made text; numbers are not parsed again."""
    headers = {key: key for key in rows[0]} if rows else "keys"
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True) + "\n"


def labelled_table(table: pd.DataFrame, labels: Mapping[str, tuple[str, str]]) -> str:
    """A Markdown table of runs, with a note on its brackets if they are over seeds.

    ``labels``: heading and number format of each key, as ``PAGE["columns"]`` has them.
    """
    rows = [
        row_start(record)
        | {label: cell(record, key, digits) for key, (label, digits) in labels.items()}
        for record in table.to_dict("records")
    ]
    return markdown_table(rows) + note(table)


def note(table: pd.DataFrame) -> str:
    """The note below a table that says what its brackets are; empty if it has none."""
    over = table.drop_duplicates(["interval", "seeds"])
    lines = []
    if _has_brackets(table[table["interval"] == "items"]):
        lines.append(
            f"Brackets of a single seed: {LEVEL:.0%} bootstrap interval over items; p-values have "
            "none."
        )
    for seeds in sorted(set(over.loc[over["interval"] == "seeds", "seeds"])):
        lines.append(f"Brackets of {seeds} seeds: {_seed_words(seeds)}; before them, the mean.")
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _has_brackets(rows: pd.DataFrame) -> bool:
    return bool(rows.filter(regex="_low$").notna().any(axis=None))


def _seed_words(seeds: int) -> str:
    if range_coverage(seeds) < LEVEL:
        return f"their range, which covers the median over seeds in {range_coverage(seeds):.0%}"
    return f"{LEVEL:.0%} interval of the median over seeds"


def value_rows(data: "TableData", values: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """One row for each model, split and run; a column is a metric and the name of its value."""
    rows = []
    for group in groups(data.scores, data.methods, data.seeds, data.oracles):
        row = place(group)
        for key, (metric, name) in values.items():
            row |= columns(group, key, metric, name, data.intervals)
        rows.append(row)
    return pd.DataFrame(rows)


def value_table(table: pd.DataFrame, headings: Mapping[str, tuple[str, str]]) -> str:
    """Such rows for readers, and the note on their brackets.

    ``headings``: by column, its heading and its format; those without a column are left out.
    """
    rows = [
        row_start(record)
        | {
            heading: cell(record, key, digits)
            for key, (heading, digits) in headings.items()
            if key in record
        }
        for record in table.to_dict("records")
    ]
    return markdown_table(rows) + note(table)
