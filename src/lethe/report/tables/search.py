"""The results of a search: every trial, on the validation half and on the test half."""

import json

import pandas as pd

from lethe.analysis.search_ranking import HALVES
from lethe.common.files import read_json
from lethe.report.labels import run_label
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("search",)
ONLY_WITH = ("search.methods",)
PAGE = {
    "title": "Trials of the search",
    "columns": {
        "trial": ("Trial", ""),
        "settings": ("Settings", ""),
        "chosen": ("Chosen", ""),
        "validation": ("Validation ↑", ".3f"),
        "test": ("Test ↑", ".3f"),
        "model_utility": ("Model utility ↑", ".3f"),
    },
}
PLACE = ["model", "split", "run", "seed"]
NUMBERS = [*HALVES, *(f"{half}_closeness" for half in HALVES), "model_utility"]
COLUMNS = [*PLACE, "trial", "settings", "chosen", *NUMBERS]


def build(data: TableData) -> pd.DataFrame:
    """One row for each trial of each method, model, split and seed."""
    rows = []
    for entry in data.files:
        result = read_json(entry["path"])
        for trial in result["trials"]:
            row = {key: entry[key] for key in PLACE} | {key: trial[key] for key in NUMBERS}
            row |= {"trial": trial["trial"], "chosen": trial["trial"] == result["chosen"]}
            rows.append(row | {"settings": json.dumps(trial["settings"])})
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(table: pd.DataFrame) -> str:
    """The chosen trial of each method beside the method as it is configured."""
    rows = []
    for place, part in table.groupby(PLACE, sort=False):
        first, best = part.iloc[0], part[part["chosen"]].iloc[0]
        names = dict(zip(("Model", "Forget set", "Method", "Seed"), place, strict=True))
        rows.append(
            names
            | {
                "Method": run_label(names["Method"]),
                "Trials": len(part),
                "Chosen": _words(best["settings"]),
                "Validation ↑": f"{best['validation']:.3f}",
                "Test ↑": f"{best['test']:.3f}",
                "Test, as configured ↑": f"{first['test']:.3f}",
            }
        )
    return markdown_table(rows) + _NOTE


def _words(settings: str) -> str:
    values = json.loads(settings)
    return ", ".join(f"{key} {value}" for key, value in values.items()) or "as configured"


_NOTE = (
    "\nHarmonic mean of closeness to the oracle's truth ratios (1 - KS statistic) on half of the "
    "forget items, and of the share of the full model's utility that is kept. Chosen on the "
    "validation half; the other half is the test.\n"
)
