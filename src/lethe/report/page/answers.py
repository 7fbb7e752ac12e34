"""Answers of runs to the forget set's questions, beside each other, with probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lethe.common import picture_marks
from lethe.common.pictures import read_picture, small_address
from lethe.evaluate.records import Checkpoint, read_records
from lethe.report.labels import FULL, run_label
from lethe.report.page.data import Files, Place, Run
from lethe.report.page.tables import Cell, PageTable

SET = "forget"
# The most questions of a table, answers of all its runs together, and characters of a text.
MOST_ITEMS, MOST_ANSWERS, MOST_LETTERS = 200, 12_000, 500
ROWS = 10
# Pixels of a picture's longer side: photographs are made smaller, drawn faces stay as they are.
LARGEST = 128


@dataclass(frozen=True)
class Answers:
    """The table of a model and split; ``left_out`` of ``items`` questions are not in it."""

    place: Place
    table: PageTable
    items: int
    left_out: int


def answers(
    files: Files, run: Run, place: Place, seen: Mapping[str, str] | None = None
) -> Answers | None:
    """The answers at each run's last epoch, of the first seed; None if none were recorded.

    ``seen``: addresses of pictures by digest (``pictures``), for questions that are asked with one.
    """
    last = {
        entry["run"]: read_records(entry["path"]).checkpoints[-1]
        for entry in files.records
        if (entry["model"], entry["split"]) == (place.model, place.split)
    }
    last = {name: point for name, point in last.items() if SET in point.sets}
    if not last:
        return None
    items = len(next(iter(last.values())).sets[SET])
    many = max(1, min(items, MOST_ITEMS, MOST_ANSWERS // len(last)))
    return Answers(place, _table(last, many, run, place, seen or {}), items, items - many)


def _question(text: str, seen: Mapping[str, str]) -> Cell:
    """A question, with the picture that it is asked with above it."""
    picture = next((seen[one] for one in picture_marks.digests_in(text) if one in seen), "")
    return Cell(_cut(picture_marks.without_marks(text)), kind="answer", picture=picture)


def pictures(folder: str | Path | None) -> dict[str, str]:
    """The small form of every picture in a folder, as a ``data:`` address, by its mark's digest."""
    addresses = {}
    for file in sorted(Path(folder).glob("*.png")) if folder is not None else ():
        pixels = read_picture(file.name, file.parent)
        (digest,) = picture_marks.digests_in(picture_marks.mark_of(pixels))
        addresses[digest] = small_address(pixels, LARGEST)
    return addresses


def _table(
    last: Mapping[str, Checkpoint], many: int, run: Run, place: Place, seen: Mapping[str, str]
) -> PageTable:
    first = next(iter(last.values())).sets[SET]
    asked = zip(first.question[:many], first.answer[:many], strict=True)
    rows = [
        [_question(question, seen), Cell(_cut(answer), kind="answer")] for question, answer in asked
    ]
    for point in last.values():
        texts = point.sets[SET].generation or [""] * many
        for row, text, probability in zip(rows, texts, _probabilities(point), strict=False):
            row.append(Cell(_cut(text), kind="answer"))
            row.append(Cell(f"{probability:.3f}", float(probability), "number"))
    labels = {name: run_label(name) for name in last}
    pairs = [[f"{label}: answer", f"{label}: probability"] for label in labels.values()]
    headings = ["Question", "Right answer", *(heading for pair in pairs for heading in pair)]
    return PageTable(headings, rows, options=_options(list(last), labels, run, place))


def _probabilities(point: Checkpoint) -> np.ndarray:
    """Probabilities of the right answer, per token, as in ``probability``; NaN if not recorded."""
    loss = point.sets[SET].answer_loss
    return np.full(len(point.sets[SET]), np.nan) if loss is None else np.exp(-loss)


def _options(
    names: Sequence[str], labels: Mapping[str, str], run: Run, place: Place
) -> dict[str, str]:
    """DataTables' options: full, oracle and one method are shown; buttons show any others."""
    method = [name for name in run.methods if name in names][:1]
    seen = {FULL, run.oracle(place.split), *method}
    hidden = [column for name in names if name not in seen for column in _columns(names, name)]
    buttons = [
        {"extend": "columnToggle", "text": labels[name], "columns": _columns(names, name)}
        for name in names
    ]
    layout: dict[str, Any] = {"topStart": {"buttons": buttons}, "topEnd": "search"}
    return {
        "data-column-defs": json.dumps([{"targets": hidden, "visible": False}]),
        "data-layout": json.dumps(layout),
        "data-page-length": str(ROWS),
    }


def _columns(names: Sequence[str], name: str) -> list[int]:
    """The numbers of a run's two columns."""
    at = 2 + 2 * names.index(name)
    return [at, at + 1]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"
