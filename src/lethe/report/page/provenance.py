"""Where the page's numbers come from: the code, and the digests of what was read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lethe.common.files import sha256
from lethe.report.page.data import Files
from lethe.report.page.tables import Cell, PageTable

# Digits of a digest that the page shows.
DIGITS = 16


def code(revision: Mapping[str, Any]) -> str:
    """Which code made the page, in words."""
    text = f"Lethe {revision.get('version', '')}".strip()
    if not revision.get("commit"):
        return text
    changed = ", with changes" if revision.get("changed") else ""
    return f"{text}, commit {revision['commit'][:10]}{changed}"


def sources(files: Files) -> PageTable:
    """Every table and record that was read, with its digest."""
    rows = [
        [Cell(str(file)), Cell(sha256(file)[:DIGITS])]
        for file in dict.fromkeys(map(str, _read(files)))
    ]
    return PageTable(["File", "SHA-256"], rows)


def _read(files: Files) -> Iterable[str | Path]:
    yield from (files.scores, files.intervals, files.claims, files.card)
    yield from files.tables.values()
    yield from (entry["path"] for entry in (*files.records, *files.audits))
