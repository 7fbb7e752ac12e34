"""What can be wrong with the file of a journal, in one line each, with what helps."""

import errno
import sqlite3
from pathlib import Path

from lethe.common.errors import LetheError

_RIGHTS = "cannot be written ({}); make it and its folder yours to write, or copy it elsewhere"
_FULL = "the disk is full ({}); free some space and run again: what was answered is kept"
_BUSY = "another program holds it ({}); close that and run again"
_DISK = "the disk fails ({}); copy the file to a local disk that works"
_DAMAGED = (
    "damaged ({}); put a copy of it back, or save what is whole in it:"
    " python -m lethe.llm.rescue {path}"
)
_OTHER = "not a journal of answers ({}); move {name}* away"
# By the beginnings of SQLite's names of errors (sqlite.org/rescode.html) and of the system's.
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
    """The error of a journal's file as one that says what to do."""
    if isinstance(error, OSError):
        name, said = errno.errorcode.get(error.errno or 0, ""), error.strerror or str(error)
    else:
        name, said = getattr(error, "sqlite_errorname", ""), str(error)
    line = next((line for start, line in _KINDS.items() if name.startswith(start)), _OTHER)
    return LetheError(f"{path}: {line.format(said, name=path.name, path=path)}")
