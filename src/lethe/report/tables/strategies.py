"""Search strategies compared at equal budget: what they had found after so many trials.

After n trials a search would hand over the best of them on the validation half of the forget items;
its score on the test half is what that is worth, and the difference is the optimism gap. The
progress is FML-bench's normalised improvement (2605.17373): the share of the way from the start's
validation score to the best that any strategy found at the same place.
"""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from lethe.common.files import read_json
from lethe.report.table_layout import cell, markdown_table, spread
from lethe.report.tables.base import TableData
from lethe.report.tables.states import COLUMNS

READS = ("strategies",)
ONLY_WITH = ("search.strategies",)
PAGE = {
    "title": "Search strategies",
    "columns": {
        "strategy": ("Strategy", ""),
        "trials": ("Trials", ".0f"),
        "validation": ("Best, validation ↑", ".3f"),
        "test": ("Its test ↑", ".3f"),
        "gap": ("Optimism gap → 0", "+.3f"),
        "progress": ("Progress ↑", ".3f"),
    },
}
PLACE = ["model", "split", "strategy"]
NUMBERS = ("validation", "test", "gap", "progress")


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split, strategy and number of trials: means over all searches."""
    searches = [(entry, read_json(entry["path"])["trials"]) for entry in data.files]
    tops = _tops(searches)
    by_count: dict[tuple, list[dict[str, float]]] = {}
    for entry, trials in searches:
        at = tuple(entry[key] for key in PLACE)
        for count, row in enumerate(_course(trials, tops[_same(entry)]), 1):
            by_count.setdefault((*at, count), []).append(row)
    return pd.DataFrame([_row(key, rows) for key, rows in by_count.items()])


def _same(entry: Mapping) -> tuple:
    """What searches have the same scores to reach."""
    return tuple(entry[key] for key in ("model", "split", "seed"))


def _tops(searches: Sequence[tuple[Mapping, Sequence[Mapping]]]) -> dict[tuple, float]:
    tops: dict[tuple, float] = {}
    for entry, trials in searches:
        best = max(trial["validation"] for trial in trials)
        tops[_same(entry)] = max(best, tops.get(_same(entry), best))
    return tops


def _course(trials: Sequence[Mapping], top: float) -> Iterator[dict[str, float]]:
    """What a search has found after 1, 2, … trials; of equal trials it keeps the earlier."""
    start, best = trials[0]["validation"], trials[0]
    for trial in trials:
        if trial["validation"] > best["validation"]:
            best = trial
        gained, possible = best["validation"] - start, top - start
        yield {
            "validation": best["validation"],
            "test": best["test"],
            "gap": best["validation"] - best["test"],
            # Where nobody gained anything, nobody made progress.
            "progress": gained / possible if possible > 0 else 0.0,
        }


def _row(key: tuple, rows: Sequence[Mapping[str, float]]) -> dict:
    row = dict(zip((*PLACE, "trials"), key, strict=True))
    row["searches"] = len(rows)
    for name in NUMBERS:
        row |= spread(name, [one[name] for one in rows])
    return row


def of_searches(entries: Sequence[Mapping]) -> pd.DataFrame:
    """What each search found in the end, as scores of a run ``STRATEGY`` in a state ``rREPEAT``."""
    searches = [(entry, read_json(entry["path"])["trials"]) for entry in entries]
    tops, rows = _tops(searches), []
    for entry, trials in searches:
        *_, end = _course(trials, tops[_same(entry)])
        place = (entry["model"], entry["split"], entry["strategy"], f"r{entry['repeat']}")
        rows += [(*place, int(entry["seed"]), "search", name, end[name]) for name in NUMBERS]
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(table: pd.DataFrame) -> str:
    """The strategies at the end of their budget, the best on the test half first."""
    last = table[table["trials"] == table.groupby(PLACE)["trials"].transform("max")]
    rows = [
        {
            "Model": record["model"],
            "Forget set": record["split"],
            "Strategy": record["strategy"],
            "Trials": record["trials"],
            "Searches": record["searches"],
            "Best, validation ↑": cell(record, "validation", ".3f"),
            "Its test ↑": cell(record, "test", ".3f"),
            "Optimism gap → 0": cell(record, "gap", "+.3f"),
            "Progress ↑": cell(record, "progress", ".3f"),
        }
        for record in last.sort_values("test", ascending=False, kind="stable").to_dict("records")
    ]
    return markdown_table(rows) + _NOTE


_NOTE = (
    "\nAll strategies start from the same trial and have the same number of trials; they see "
    "scores on the validation half of the forget items alone. *Its test* is the score of the trial "
    "that is best there, on the other half; the gap is the difference. *Progress*: the share of "
    "the way from the start to the best that any of these searches found. Numbers are means over "
    "repeats and seeds, with their range.\n"
)
