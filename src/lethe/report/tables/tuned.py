"""Methods compared at their best: each as configured, and as the best trial of an equal budget.

The trial is chosen for each seed on the validation half of the forget items and reported on the
test half. Optimism, validation minus test, tells how much better the choice looks than it is.
"""

import json
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lethe.common.files import read_json
from lethe.report.labels import run_label
from lethe.report.table_layout import cell, last_epochs, markdown_table, note, spread
from lethe.report.tables.base import TableData

READS = ("search", "scores")
ONLY_WITH = ("search.methods",)
PAGE = {
    "title": "Methods at their best",
    "columns": {
        "trials": ("Trials", ".0f"),
        "settings": ("Chosen", ""),
        "default_test": ("Default, test ↑", ".3f"),
        "tuned_test": ("Tuned, test ↑", ".3f"),
        "gain": ("Tuned − default", "+.3f"),
        "optimism": ("Optimism → 0", "+.3f"),
    },
}
PLACE = ["model", "split", "run"]
# For each of the two: the fields of a trial in a search's file, then (metric, value) of its scores.
OF_TRIAL = ("test", "validation", "model_utility")
OF_SCORES = {"log10_forget_quality": ("forget_quality", "log10_forget_quality")}
HEADINGS = {
    "log10_forget_quality": ("log₁₀ p ↑", "z.2f"),
    "model_utility": ("utility ↑", ".3f"),
}
SIDES = ("default", "tuned")


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and method, the best on the test half first."""
    searches: dict[tuple[str, ...], dict[int, dict]] = {}
    for entry in data.files:
        place = tuple(entry[key] for key in PLACE)
        searches.setdefault(place, {})[int(entry["seed"])] = read_json(entry["path"])
    last = last_epochs(data.scores)
    rows = [_row(place, by_seed, last) for place, by_seed in searches.items()]
    table = pd.DataFrame(rows)
    # Models and splits stay in their order.
    order = {place: number for number, place in enumerate(dict.fromkeys(p[:2] for p in searches))}
    group = [order[place] for place in zip(table["model"], table["split"], strict=True)]
    ranked = table.assign(_group=group).sort_values(
        ["_group", "tuned_test"], ascending=[True, False], kind="stable"
    )
    return ranked.drop(columns="_group").reset_index(drop=True)


def _row(place: Sequence[str], by_seed: Mapping[int, dict], last: pd.DataFrame) -> dict:
    chosen = {seed: _trial(result, result["chosen"]) for seed, result in by_seed.items()}
    # The first trial is the method as configured.
    default = {seed: result["trials"][0] for seed, result in by_seed.items()}
    row = dict(zip(PLACE, place, strict=True)) | {
        "seeds": len(by_seed),
        "interval": "seeds" if len(by_seed) > 1 else "",
        "trials": len(next(iter(by_seed.values()))["trials"]),
        "settings": json.dumps([trial["settings"] for trial in chosen.values()]),
    }
    for side, trials in zip(SIDES, (default, chosen), strict=True):
        for key in OF_TRIAL:
            row |= spread(f"{side}_{key}", [trial[key] for trial in trials.values()])
        for key, (metric, name) in OF_SCORES.items():
            values = _scores(place, trials, metric, name, last)
            if values is not None:
                row |= spread(f"{side}_{key}", values)
    gains = [chosen[seed]["test"] - default[seed]["test"] for seed in by_seed]
    gaps = [trial["validation"] - trial["test"] for trial in chosen.values()]
    return row | spread("gain", gains) | spread("optimism", gaps)


def _trial(result: Mapping, name: str) -> dict:
    return next(trial for trial in result["trials"] if trial["trial"] == name)


def _scores(
    place: Sequence[str], trials: Mapping[int, dict], metric: str, name: str, last: pd.DataFrame
) -> list[float] | None:
    """One value for each seed, on all items; None if a trial, not being a listed run, has none."""
    model, split, _ = place
    values = []
    for seed, trial in trials.items():
        at = {"model": model, "split": split, "run": trial["trial"], "seed": seed}
        at |= {"metric": metric, "name": name}
        rows = last
        for column, value in at.items():
            rows = rows[rows[column] == value]
        if rows.empty:
            return None
        values.append(float(rows["value"].iloc[0]))
    return values


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    rows = []
    for record in table.to_dict("records"):
        row = {
            "Model": record["model"],
            "Forget set": record["split"],
            "Method": run_label(record["run"]),
            "Trials": record["trials"],
            "Chosen": _words(record["settings"]),
            "Default, test ↑": cell(record, "default_test", ".3f"),
            "Tuned, test ↑": cell(record, "tuned_test", ".3f"),
            "Tuned − default": cell(record, "gain", "+.3f"),
            "Optimism → 0": cell(record, "optimism", "+.3f"),
        }
        for key, (heading, digits) in HEADINGS.items():
            for side in SIDES if f"tuned_{key}" in record else ():
                there = not math.isnan(record[f"{side}_{key}"])
                text = cell(record, f"{side}_{key}", digits) if there else "-"
                row[f"{side.capitalize()}, {heading}"] = text
        rows.append(row)
    below = note(table[table["interval"] == "seeds"]) if len(table) else ""
    return markdown_table(rows) + below + _NOTE


def _words(settings: str) -> str:
    """The settings chosen, each set of them once."""
    by_seed = [
        ", ".join(f"{key} {value}" for key, value in values.items()) or "as configured"
        for values in json.loads(settings)
    ]
    return "; ".join(dict.fromkeys(by_seed))


_NOTE = (
    "\nEach method has the same number of trials, the first of them as configured. For each seed "
    "the best on the validation half of the forget items is chosen; *test* is its score on the "
    "other half: the harmonic mean of closeness to the oracle's truth ratios and of the share of "
    "the full model's utility that is kept. Forget quality and utility are of all items; forget "
    "quality is measured of listed runs alone, not of trials.\n"
)
