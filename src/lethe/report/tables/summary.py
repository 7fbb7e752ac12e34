"""Every run in one line: how well it forgot, and at what cost to utility.

Numbers are those of the run's last epoch, as mean and interval. The mean of p over seeds is
arithmetic; beside it is the mean of its logarithm, which trajectories show. The target of the
forget set's probability, ROUGE and truth ratio is the oracle's value: a model that fell below it,
or collapsed, is no better than one above. So they have no arrow but a column with their difference
to the oracle, whose target is 0. Measures of metrics that were not computed have no columns.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from lethe.analysis.intervals import Intervals
from lethe.report.table_layout import (
    Group,
    cell,
    columns,
    groups,
    is_measured,
    markdown_table,
    note,
    place,
    row_start,
    spread,
)
from lethe.report.tables.base import TableData

PAGE = {
    "title": "Summary",
    "section": "summary",
    "place": 1,
    "columns": {
        "epoch": ("Epoch", ".0f"),
        "forget_quality": ("Forget quality (p) ↑", "p"),
        "model_utility": ("Model utility ↑", ".3f"),
        "forget_probability": ("Forget probability", ".3f"),
        "forget_probability_minus_oracle": ("− oracle's → 0", "+.3f"),
        "forget_rouge": ("Forget ROUGE", ".3f"),
        "forget_truth_ratio": ("Forget truth ratio", ".3f"),
        "retain_utility": ("Retain utility ↑", ".3f"),
    },
}
# key: (metric, value in its file, heading, number format)
MEASURES = {
    "forget_quality": ("forget_quality", "forget_quality", "Forget quality (p) ↑", "p"),
    "log10_forget_quality": ("forget_quality", "log10_forget_quality", "log₁₀ p ↑", "z.2f"),
    "model_utility": ("model_utility", "model_utility", "Model utility ↑", ".3f"),
    "forget_probability": ("probability", "forget", "Forget probability", ".3f"),
    "forget_rouge": ("rouge", "forget", "Forget ROUGE", ".3f"),
    "forget_truth_ratio": ("truth_ratio", "forget", "Forget truth ratio", ".3f"),
    "retain_utility": ("model_utility", "retain_utility", "Retain utility ↑", ".3f"),
}
# The measures whose target is the oracle's value.
AS_ORACLE = ("forget_probability", "forget_rouge", "forget_truth_ratio")
DIFFERENCE = "_minus_oracle"


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; missing numbers are empty."""
    rows = []
    listed = groups(data.scores, data.methods, data.seeds, data.oracles)
    oracles = {(group.model, group.split): group for group in listed if group.oracle}
    measures = {key: one for key, one in MEASURES.items() if is_measured(data.scores, one[0])}
    for group in listed:
        row = place(group)
        for key in measures:
            row |= _columns(group, key, data.intervals)
        for key in filter(measures.__contains__, AS_ORACLE):
            row |= spread(f"{key}{DIFFERENCE}", _differences(group, oracles, key))
        rows.append(row)
    return pd.DataFrame(rows)


def _differences(
    group: Group, oracles: Mapping[tuple[str, str], Group], key: str
) -> Sequence[float]:
    """Each seed's value minus that of its seed's oracle; for further oracles, of the first one."""
    metric, name, _, _ = MEASURES[key]
    oracle = oracles[group.model, group.split]
    by_seed = dict(zip(oracle.seeds, oracle.values(metric, name), strict=True))
    first = by_seed[oracle.seeds[0]]
    values = zip(group.seeds, group.values(metric, name), strict=True)
    return [value - by_seed.get(seed, first) for seed, value in values]


def _columns(group: Group, key: str, intervals: Intervals) -> dict:
    metric, name, _, _ = MEASURES[key]
    if metric == "forget_quality" and group.oracle:
        # Forget quality is measured against the oracle, which equals itself by definition.
        return spread(key, [1.0 if key == "forget_quality" else 0.0])
    return columns(group, key, metric, name, intervals)


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; an arrow shows which direction is better."""
    rows = []
    for record in table.to_dict("records"):
        row = row_start(record) | {"Epoch": record["epoch"]}
        measures = {key: one for key, one in MEASURES.items() if key in record}
        for key, (_, _, heading, digits) in measures.items():
            row[heading] = cell(record, key, digits)
            if key in AS_ORACLE:
                row[from_oracle(heading)] = cell(record, f"{key}{DIFFERENCE}", "+.3f")
        rows.append(row)
    about = NOTE if any(key in table for key in AS_ORACLE) else ""
    return markdown_table(rows) + note(table) + about


def from_oracle(heading: str) -> str:
    """The heading of a measure's difference to the oracle, with its target."""
    return f"{heading} − oracle's → 0"


NOTE = (
    "Of the forget set's probability, ROUGE and truth ratio neither high nor low is better: their "
    "target is the oracle's value.\n"
)
