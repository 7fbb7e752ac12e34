"""Errors of a journal's file as messages of one line, each with a remedy."""

import errno
import sqlite3
from pathlib import Path

from lethe.common.errors import LetheError

_RIGHTS = "cannot be written ({}); make the file and its folder writable, or copy it elsewhere"
_FULL = "the disk is full ({}); free some space and run again; answers so far are kept"
_BUSY = "another program has locked it ({}); close that program and run again"
_DISK = "the disk fails ({}); copy the file to a local disk that works"
_DAMAGED = (
    "damaged ({}); restore a copy, or save its intact rows: python -m lethe.llm.rescue {path}"
)
_OTHER = "not a journal of answers ({}); move {name}* away"
# By the prefix of SQLite's error name (sqlite.org/rescode.html) or the system's.
_KINDS = {
    "SQLITE_READONLY": _RIGHTS,
    "SQLITE_CANTOPEN": _RIGHTS,
    "SQLITE_PERM": _RIGHTS,
    "SQLITE_AUTH": _RIGHTS,
    "SQLITE_FULL": _FULL,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_PROTOCOL": _BUSY,
    "SQLITE_IOERR": _DISK,
    "SQLITE_CORRUPT": _DAMAGED,
    "EACCES": _RIGHTS,
    "EPERM": _RIGHTS,
    "EROFS": _RIGHTS,
    "EISDIR": _RIGHTS,
    "ENOTDIR": _RIGHTS,
    "EEXIST": _RIGHTS,
    "ENOSPC": _FULL,
    "EDQUOT": _FULL,
    "EIO": _DISK,
}


def trouble(path: Path, error: sqlite3.Error | OSError) -> LetheError:
    """An error of a journal's file as a LetheError that says what to do."""
    if isinstance(error, OSError):
        name, said = errno.errorcode.get(error.errno or 0, ""), error.strerror or str(error)
    else:
        name, said = getattr(error, "sqlite_errorname", ""), str(error)
    line = next((line for start, line in _KINDS.items() if name.startswith(start)), _OTHER)
    return LetheError(f"{path}: {line.format(said, name=path.name, path=path)}")
