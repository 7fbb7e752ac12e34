"""Tables of the page: rounded text, and for each cell the exact number to sort by."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from lethe.common.errors import LetheError
from lethe.report.page.data import settings_words
from lethe.report.table_layout import bracketed, note, row_label

# The most rows of a table; the file has them all.
MOST_ROWS = 1000
# Rows of a table on the screen at once.
ROWS = 25
# A text with this many characters makes its column wide.
LONG = 30
# Columns that say which run a row is about, with their headings. Model and split are shown only
# if there are several.
PLACES = {
    "model": "Model",
    "split": "Forget set",
    "oracle": "Compared with",
    "run": "Run",
    "seed": "Seed",
}
ONE = ("model", "split", "seed")
# Symbols beside verdicts, which can be told apart without colours; in the order of interest.
SYMBOLS = {"holds": "✓", "fails": "✗", "undecided": "?", "not tested": "–"}
DEFAULT = ".3g"


@dataclass(frozen=True)
class Cell:
    """A cell's text, and its interval, which is shown below.

    ``order``: what it is sorted by, if not its text; ``kind``: its CSS class; ``picture``: the
    ``data:`` address of a picture above the text.
    """

    text: str
    order: float | str | None = None
    kind: str = ""
    interval: str = ""
    picture: str = ""


@dataclass(frozen=True)
class PageTable:
    """A table as the template writes it.

    ``left_out`` is how many rows it lacks, which ``file`` has; ``options`` are those of DataTables,
    by their names in attributes (``data-page-length``).
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0
    file: str = ""
    note: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def says_something(self) -> bool:
        """Whether there is a row, with more in it than what it is about."""
        return bool(self.rows) and not set(self.headings) <= set(PLACES.values())

    @property
    def attributes(self) -> dict[str, str]:
        """The options, and pages of rows only if there are many."""
        if "data-page-length" in self.options:
            return dict(self.options)
        one_page = {"data-paging": "false", "data-info": "false"}
        more = one_page if len(self.rows) <= ROWS else {"data-page-length": str(ROWS)}
        return {**self.options, **more}


def page_table(file: str | Path, shown: Mapping[str, Any]) -> PageTable:
    """The table in a CSV file, shown as its plug-in declares."""
    table = _decided_first(_read(file))
    columns = _columns(table, shown["columns"])
    rows = [
        [_cell(record, key, digits) for key, (_, digits) in columns.items()]
        for record in table.head(MOST_ROWS).to_dict("records")
    ]
    left = max(0, len(table) - MOST_ROWS)
    about = note(table) if {"interval", "seeds"} <= set(table) else ""
    return PageTable([heading for heading, _ in columns.values()], rows, left, str(file), about)


def _read(file: str | Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file)
    except ValueError as error:
        raise LetheError(
            f"{file}: not a table ({error}); delete it to have it made again"
        ) from None


def _decided_first(table: pd.DataFrame) -> pd.DataFrame:
    """Claims sorted by verdict, untested ones last; any other table as it is."""
    if "verdict" not in table:
        return table
    return table.sort_values("verdict", key=lambda names: names.map(rank), kind="stable")


def _columns(table: pd.DataFrame, said: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The columns to show, with headings and formats: places first, then those declared."""
    places = {
        key: (heading, "")
        for key, heading in PLACES.items()
        if key in table and not (key in ONE and table[key].nunique() < 2)
    }
    names = [key for key in table if key not in PLACES]
    rest = {key: (key.replace("_", " "), DEFAULT) for key in names if not _is_end(key, names)}
    chosen = {key: how for key, how in said.items() if key in table} if said else rest
    return places | chosen


def _is_end(key: str, names: Sequence[str]) -> bool:
    """Whether a column belongs to another: an end of its interval, or its deviation."""
    return any(key.endswith(end) and key.removesuffix(end) in names for end in _ENDS)


_ENDS = ("_low", "_high", "_sd")


def _cell(record: Mapping[str, Any], key: str, digits: str) -> Cell:
    value = record[key]
    if isinstance(value, float) and math.isnan(value):
        return Cell("", "")
    if key == "run":
        return Cell(row_label(str(value)))
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, str):
        return verdict(value) if key == "verdict" else text_cell(_words(value))
    ends = (record.get(f"{key}_low", math.nan), record.get(f"{key}_high", math.nan))
    whole = isinstance(value, int) and digits in ("", DEFAULT)
    text = bracketed(value, *ends, "d" if whole else digits or DEFAULT)
    number, _, interval = text.partition(" ")
    return Cell(number, value, "number", interval)


def text_cell(text: str) -> Cell:
    """A cell of words, wide enough for them on a narrow screen, too."""
    return Cell(text, kind="long" if len(text) > LONG else "")


def verdict(name: str) -> Cell:
    """A claim's verdict with its symbol."""
    text = f"{SYMBOLS.get(name, '')} {name}".strip()
    return Cell(text, rank(name), kind=name.replace(" ", "-"))


def rank(verdict: str) -> int:
    """The place of a verdict in the order of claims."""
    return list(SYMBOLS).index(verdict) if verdict in SYMBOLS else len(SYMBOLS)


def _words(value: str) -> str:
    """Settings, which tables hold as JSON, in words; any other text as it is."""
    if not value.startswith(("{", "[")):
        return value
    try:
        said = json.loads(value)
    except ValueError:
        return value
    parts = said if isinstance(said, list) else [said]
    return "; ".join(dict.fromkeys(settings_words(part) for part in parts))
