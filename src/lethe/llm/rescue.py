"""Saves intact rows of a damaged journal: ``python -m lethe.llm.rescue journals/WORLD.sqlite``.

Each row is looked up by itself, so that a page that cannot be read costs the rows on it and no
others. The damaged file stays beside the new one, as ``WORLD.sqlite.damaged``.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.llm.flights import Flights
from lethe.llm.journal import COLUMNS_OF, Journal

# The least bytes of a row, which bounds the number of rows in a file.
_LEAST = 64


def rescue(path: str | Path) -> dict[str, int]:
    """Rebuild a journal from its readable rows; returns their number by table.

    Raises:
        LetheError: another run has it, nothing can be read, or it was rescued before.
    """
    path = Path(path)
    aside, new = Path(f"{path}.damaged"), Path(f"{path}.rescued")
    if not path.is_file():
        raise LetheError(f"{path}: no such file")
    if aside.exists():
        raise LetheError(f"{aside}: it exists already, from an earlier rescue; move it away first")
    lock = Flights(path)
    try:
        saved = _copied(path, new)
        if not saved["answers"]:
            raise LetheError(f"{path}: no answer in it can be read; move it away")
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(f"{path}{end}", f"{aside}{end}")
        os.rename(new, path)
    finally:
        _removed(new)
        lock.close()
    return saved


def _copied(path: Path, new: Path) -> dict[str, int]:
    _removed(new)
    Journal(new).close()
    address = f"{path.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True)) as old,
        closing(sqlite3.connect(new)) as base,
    ):
        saved = {table: _table(old, base, table, path) for table in COLUMNS_OF}
        base.commit()
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return saved


def _table(old: sqlite3.Connection, base: sqlite3.Connection, table: str, path: Path) -> int:
    columns = COLUMNS_OF[table]
    marks = ", ".join("?" * len(columns.split(",")))
    saved = 0
    for row in _rows(old, table, columns, path):
        # A damaged row can break the new table's rules.
        with suppress(sqlite3.Error):
            insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
            saved += base.execute(insert, row).rowcount
    return saved


def _rows(old: sqlite3.Connection, table: str, columns: str, path: Path) -> Iterator[tuple]:
    lookup = f"SELECT {columns} FROM {table} WHERE rowid = ?"
    for number in range(1, _last(old, table, path) + 1):
        # What cannot be read or decoded is lost.
        with suppress(sqlite3.Error):
            row = old.execute(lookup, (number,)).fetchone()
            if row is not None:
                yield row


def _last(old: sqlite3.Connection, table: str, path: Path) -> int:
    """The last row's number; if it cannot be read, the largest possible one."""
    size = path.stat().st_size
    try:
        last = old.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
        # Damage can make any number of it.
        return min(last, size)
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return 0
        return size // _LEAST


def _removed(new: Path) -> None:
    for end in ("", "-wal", "-shm", ".flights"):
        Path(f"{new}{end}").unlink(missing_ok=True)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lethe.llm.rescue JOURNAL")
    try:
        saved = rescue(sys.argv[1])
    except LetheError as error:
        sys.exit(str(error))
    print(f"{sys.argv[1]}: {saved['answers']} answers saved; the rest will be asked for again")


if __name__ == "__main__":
    main()
