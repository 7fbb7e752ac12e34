"""A leaderboard's files: the entries as CSV and Parquet, and one page without scripts."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lethe.analysis.leaderboard import SCORES, Entry, Refused, ranked, table
from lethe.common import outputs
from lethe.common.files import whole_file
from lethe.report.page.audit_page import POLICY
from lethe.report.page.tables import Cell, PageTable
from lethe.report.page.templates import environment
from lethe.report.table_layout import row_label

CSV, PARQUET, PAGE = "leaderboard.csv", "leaderboard.parquet", "leaderboard.html"
HEADINGS = {
    "model_utility": "Model utility ↑",
    "log10_forget_quality": "log10 forget quality ↑",
    "forget_probability": "Forget probability",
    "forget_rouge": "Forget ROUGE-L",
}
# Characters of a digest that a heading shows; the tables have all.
SHORT = 12


def write_leaderboard(
    entries: Sequence[Entry], refused: Sequence[Refused], out: str | os.PathLike
) -> None:
    """Write the three files into a folder, each whole or not at all; LetheError on failure."""
    outputs.check_folder(out, empty=False)
    rows = table(entries)
    with (
        whole_file(Path(out, CSV)) as csv,
        whole_file(Path(out, PARQUET)) as parquet,
        whole_file(Path(out, PAGE)) as page,
    ):
        Path(csv).write_text(rows.to_csv(index=False, float_format="%.17g"), encoding="utf-8")
        Path(parquet).write_bytes(_parquet(rows))
        Path(page).write_text(leaderboard_html(entries, refused), encoding="utf-8")


def leaderboard_html(entries: Sequence[Entry], refused: Sequence[Refused]) -> str:
    """The page as text; everything from submissions is escaped."""
    boards = [
        (f"{world}: {model}, {split}", f"Rows {rows[:SHORT]}; {settings}", _shown(lines))
        for (world, model, split, rows, settings), lines in ranked(entries)
    ]
    template = environment().get_template("leaderboard.jinja")
    return template.render(
        policy=POLICY,
        boards=boards,
        refused=refused,
        entries=len(entries),
        submissions=_submissions(entries),
    )


def _submissions(entries: Sequence[Entry]) -> list[str]:
    """What submissions say about themselves, one line each; nothing of those that say nothing."""
    said = sorted({(one.submission, one.by, one.link, one.note) for one in entries})
    return [f"{name}: {', '.join(filter(None, more))}" for name, *more in said if any(more)]


def _parquet(rows: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _shown(lines: pd.DataFrame) -> PageTable:
    headings = ["", "Run", "Submission", "By", "Seeds", *HEADINGS.values(), "Standing"]
    rows = [
        [Cell(str(place)), *_cells(line)] for place, line in enumerate(lines.to_dict("records"), 1)
    ]
    return PageTable(headings, rows)


def _cells(line: dict) -> list[Cell]:
    who = [row_label(line["run"]), line["submission"], line["by"], str(line["seeds"])]
    scores = [_score(line, key) for key in SCORES]
    return [*map(Cell, who), *scores, Cell(line["standing"])]


def _score(line: dict, key: str) -> Cell:
    several = line["seeds"] > 1
    ends = f"[{line[f'{key}_low']:.3g}, {line[f'{key}_high']:.3g}]" if several else ""
    return Cell(f"{line[key]:.3g}", kind="number", interval=ends)
