"""The summary at the end of a run: few columns, so that a terminal of 100 columns holds it.

It is taken from the text of the table ``summary`` and loads no library.
"""

import textwrap

WIDTH = 100
PLACE = ("Model", "Forget set")
# Headings of ``summary`` that are kept, as printed; the others are only in the file.
COLUMNS = {
    "Run": "Run",
    "Epoch": "Epoch",
    "Forget quality (p) ↑": "p ↑",
    "Model utility ↑": "Model utility ↑",
    "Forget probability": "Forget prob.",
    "Forget ROUGE": "ROUGE",
    "Forget truth ratio": "Truth ratio",
}
# These keep their intervals while there is room.
WITH_INTERVAL = ("Model utility ↑",)
GAP = 2


def closing_table(markdown: str) -> str:
    """The table's main columns, a block for each model and forget set, and its notes.

    ``markdown`` is what ``lethe.report.tables.summary`` writes. No line is wider than ``WIDTH``.
    """
    lines = markdown.splitlines()
    headings, _, *rows = [_cells(line) for line in lines if line.startswith("|")]
    records = [dict(zip(headings, row, strict=True)) for row in rows]
    blocks: dict[str, list[dict]] = {}
    for record in records:
        blocks.setdefault(", ".join(record[key] for key in PLACE), []).append(record)
    parts = [f"{place}\n{_block(some)}" for place, some in blocks.items()]
    notes = [line for line in lines if line and not line.startswith("|")]
    return "\n\n".join([*parts, "\n".join(textwrap.fill(note, WIDTH) for note in notes)]) + "\n"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _block(records: list[dict]) -> str:
    """The runs of one place, with as many intervals as there is room for."""
    table = _rows(records, WITH_INTERVAL)
    if sum(_widths(table)) > WIDTH:
        table = _rows(records, ())
    others = sum(_widths(table)[1:])
    table = [[_short(row[0], WIDTH - others - GAP), *row[1:]] for row in table]
    widths = _widths(table)
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def _rows(records: list[dict], with_interval: tuple[str, ...]) -> list[list[str]]:
    """The heading and a row for each run, of those columns that the table has."""
    shown = {key: heading for key, heading in COLUMNS.items() if key in records[0]}
    rows = [
        [
            record[key] if key in ("Run", *with_interval) else record[key].partition(" ")[0]
            for key in shown
        ]
        for record in records
    ]
    return [list(shown.values()), *rows]


def _widths(table: list[list[str]]) -> list[int]:
    return [max(map(len, column)) + GAP for column in zip(*table, strict=True)]


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
