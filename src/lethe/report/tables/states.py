"""Runs at their last epoch, before and after each attack, such as relearning or quantisation.

Compare what relearning brings back with the same steps on the oracle, to which the forget set is
new: measures whose target is the oracle's value have a column with the difference to it.
"""

import math

import pandas as pd

from lethe.metrics.base import read_metric
from lethe.report.table_layout import bracketed, last_epochs, markdown_table, row_start
from lethe.report.tables.base import TableData
from lethe.report.tables.summary import AS_ORACLE, DIFFERENCE, MEASURES, from_oracle

READS = ("scores", "states")
ONLY_WITH = ("attacks",)
PAGE = {
    "title": "After attacks",
    "columns": {
        "state": ("State", ""),
        "forget_quality": ("Forget quality (p) ↑", "p"),
        "model_utility": ("Model utility ↑", ".3f"),
        "forget_probability": ("Forget probability", ".3f"),
        "forget_probability_change": ("its change", "+.3f"),
        "forget_probability_minus_oracle": ("− oracle's → 0", "+.3f"),
        "forget_rouge": ("Forget ROUGE", ".3f"),
        "forget_truth_ratio": ("Forget truth ratio", ".3f"),
        "recovered": ("Recovered", ".3f"),
        "hidden": ("Hidden knowledge → 0", "+.3f"),
        "elicited": ("Elicited", ".3f"),
        "beyond": ("Elicited beyond the oracle → 0", "+.3f"),
    },
}
AS_IT_IS = "as_it_is"
# Measures of a single attack, which are not defined before it.
OF_ATTACKS = {
    "recovered": ("hidden_knowledge", "recovered", "Recovered", ".3f"),
    "hidden": ("hidden_knowledge", "hidden", "Hidden knowledge → 0", ".3f"),
    "elicited": ("elicited", "elicited", "Elicited", ".3f"),
    "beyond": ("elicited", "beyond", "Elicited beyond the oracle → 0", ".3f"),
}
RUN = ["model", "split", "run"]
COLUMNS = [*RUN, "state", "seed", "metric", "name", "value"]


def build(data: TableData) -> pd.DataFrame:
    """One row for each run and attack, the run before any attack first; means over seeds.

    ``…_change`` is how far an attack moved the mean, ``…_minus_oracle`` the difference to the
    oracle after the same attack, empty where that is not known. Measures that the configuration
    does not compute have no columns.
    """
    changed = state_scores(data.files)
    own = last_epochs(data.scores).assign(state=AS_IT_IS)[COLUMNS]
    rows = []
    for run, states in changed.groupby(RUN, sort=False):
        start = _numbers(own.merge(states[[*RUN, "seed"]].drop_duplicates()))
        rows.append(_row(run, AS_IT_IS, start, start))
        rows += [
            _row(run, state, _numbers(part), start)
            for state, part in states.groupby("state", sort=False)
        ]
    return _beside_oracle(pd.DataFrame(rows), data)


def _beside_oracle(table: pd.DataFrame, data: TableData) -> pd.DataFrame:
    """The table with the differences to the split's oracle in the same state."""
    records = table.to_dict("records")
    for key in (key for key in AS_ORACLE if key in table):
        known = {(*(row[c] for c in RUN), row["state"]): row[key] for row in records}
        oracles = [
            (row["model"], row["split"], data.roles(row["split"])[0], row["state"])
            for row in records
        ]
        table[f"{key}{DIFFERENCE}"] = table[key] - [known.get(o, math.nan) for o in oracles]
    return table


def state_scores(files) -> pd.DataFrame:
    """All values of the attacked runs' metric files, in their order."""
    rows = [
        (*(entry[key] for key in COLUMNS[:4]), int(entry["seed"]), entry["metric"], name, value)
        for entry in files
        for name, value in read_metric(entry["path"], entry["metric"])
        .checkpoints[-1]
        .values.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbers(scores: pd.DataFrame) -> dict[str, float]:
    """The measures of one run after one attack."""
    means = scores.groupby(["metric", "name"])["value"].mean()
    measures = {**MEASURES, **OF_ATTACKS}
    places = {key: (metric, name) for key, (metric, name, _, _) in measures.items()}
    return {key: float(means[place]) for key, place in places.items() if place in means}


def _row(run: tuple, state: str, numbers: dict[str, float], start: dict[str, float]) -> dict:
    changes = {f"{key}_change": numbers[key] - start[key] for key in numbers if key in start}
    return {**dict(zip(RUN, run, strict=True)), "state": state, **numbers, **changes}


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; the change by the attack is in parentheses."""
    rows = []
    for record in table.to_dict("records"):
        row = row_start(record) | {"State": record["state"].replace("_", " ")}
        for key, (_, _, heading, digits) in MEASURES.items():
            if key in record:
                row[heading] = _cell(record, key, digits)
            if f"{key}{DIFFERENCE}" in record:
                row[from_oracle(heading)] = _difference(record[f"{key}{DIFFERENCE}"])
        for key, (_, _, heading, digits) in OF_ATTACKS.items():
            if key in record:
                value = record[key]
                row[heading] = "" if math.isnan(value) else format(value, digits)
        rows.append(row)
    return markdown_table(rows)


def _cell(record: dict, key: str, digits: str) -> str:
    text = bracketed(record[key], float("nan"), float("nan"), digits)
    if record["state"] == AS_IT_IS or digits == "p":
        return text
    return f"{text} ({record[f'{key}_change']:+.3f})"


def _difference(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.3f}"
