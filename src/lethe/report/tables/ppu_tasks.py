"""PPU-Bench's tasks: forget and retain rows by text and by picture, and the cross-image test.

docs/pictures.md says how to read it.
"""

import pandas as pd

from lethe.report.table_layout import (
    Group,
    columns,
    groups,
    markdown_table,
    note,
    place,
    row_start,
    spread,
    with_interval,
    with_metric,
)
from lethe.report.tables.base import TableData

METRIC = "ppu_tasks"
ONLY_WITH = ("metrics.ppu_tasks",)
PAGE = {
    "title": "PPU-Bench's tasks",
    "section": "summary",
    "place": 0,
    "columns": {
        "rows": ("Rows", ""),
        "modality": ("Asked", ""),
        "generation_recall": ("Generation: ROUGE-L recall", ".3f"),
        "generation_f1": ("F1", ".3f"),
        "cloze_recall": ("Cloze: ROUGE-L recall", ".3f"),
        "cloze_exact": ("exact", ".3f"),
        "classification_accuracy": ("Classification: accuracy", ".3f"),
        "classification_invalid": ("invalid", ".3f"),
    },
}
NUMBERS = tuple(key for key, (_, digits) in PAGE["columns"].items() if digits)
HEADINGS = {
    "generation_f1": "Generation: F1",
    "cloze_exact": "Cloze: exact",
    "classification_invalid": "Classification: invalid",
}
SETS = {
    "forget": "forget",
    "retain": "retain",
    "picture2": "other picture 002",
    "picture3": "other picture 003",
    "picture4": "other picture 004",
    "cross": "other pictures, all",
}
MODALITIES = ("qa", "vqa")


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split, run, set of rows and modality; NaN where a task has no rows.

    Columns beside those of every table: ``rows`` (the set) and ``modality``.
    """
    scores = with_metric(data.scores, METRIC)
    names = set(scores.loc[scores["metric"] == METRIC, "name"])
    return pd.DataFrame(
        [
            _row(group, name, modality, names, data)
            for group in groups(scores, data.methods, data.seeds, data.oracles)
            for name in SETS
            for modality in MODALITIES
            if any(_named(name, key, modality) in names for key in NUMBERS)
        ]
    )


def _row(group: Group, name: str, modality: str, names: set[str], data: TableData) -> dict:
    row = place(group) | {"rows": name, "modality": modality}
    for key in NUMBERS:
        value = _named(name, key, modality)
        if value in names:
            row |= columns(group, key, METRIC, value, data.intervals)
        else:
            row |= spread(key, [])
    return row


def _named(name: str, key: str, modality: str) -> str:
    task, _, number = key.partition("_")
    return f"{name}_{task}_{modality}_{number}"


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers, and what its rows are."""
    return markdown_table([_cells(record) for record in table.to_dict("records")]) + (
        note(table) + _NOTE
    )


def _cells(record: dict) -> dict:
    cells = row_start(record) | {"Rows": SETS[record["rows"]], "Asked": record["modality"]}
    for key in NUMBERS:
        heading, digits = PAGE["columns"][key]
        cells[HEADINGS.get(key, heading)] = with_interval(record, key, digits)
    return cells


_NOTE = (
    "\nqa: by text; vqa: with a picture. Other pictures: the forget rows with another picture of "
    "the same subject. Invalid answers, which name no letter or several, count as wrong.\n"
)
