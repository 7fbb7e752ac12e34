"""Who holds Snakemake's lock, so that it does not outlive a run that was killed.

The lock is a list of files with no word of who holds it. So each run notes who it is and which
locks are its own. A lock is removed only where its note proves the holder gone: on the same host,
in the same space of process numbers.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_json
from lethe.common.processes import Process

# Notes of runs, beside Snakemake's own records.
RUNS = Path(".snakemake/lethe_runs")
UNLOCK = "then run the same command with --unlock, and again without"


@dataclass(frozen=True)
class Note:
    """Who holds which locks, by name and mark; ``here``: its jobs are its own processes."""

    file: Path
    process: Process
    here: bool
    locks: dict[str, list[int]]

    def write(self) -> None:
        said = {"process": asdict(self.process), "here": self.here, "locks": self.locks}
        write_json(self.file, said)

    @classmethod
    def read(cls, file: Path) -> "Note | None":
        """None if it is damaged: it then proves nothing."""
        try:
            said = read_json(file)
            return cls(file, Process(**said["process"]), said["here"], dict(said["locks"]))
        except (LetheError, TypeError, KeyError, ValueError):
            return None

    def held(self, folder: Path) -> list[Path]:
        """Its locks that are still there."""
        return [folder / name for name, mark in self.locks.items() if _mark(folder / name) == mark]


def _mark(lock: Path) -> list[int]:
    """What tells a lock from one of the same name made since."""
    with suppress(OSError):
        stat = lock.stat()
        return [stat.st_ino, stat.st_mtime_ns]
    return []


@contextmanager
def holding(locks: Iterable[str | Path], here: bool, runs: Path = RUNS) -> Iterator[None]:
    """Note that this process holds these locks, until the block ends."""
    this = Process.this()
    marks = {Path(lock).name: _mark(Path(lock)) for lock in locks}
    note = Note(runs / f"{this.pid}-{this.started}.json", this, here, marks)
    note.write()
    try:
        yield
    finally:
        with suppress(OSError):
            note.file.unlink(missing_ok=True)


def release(folder: Path, runs: Path = RUNS) -> None:
    """Remove the locks in a folder whose holder is proved gone, and notes of none that are there.

    Jobs that run elsewhere (a cluster's) may go on without the holder: then its locks stay.
    """
    with _alone(runs):
        for note in _notes(runs):
            held = note.held(folder)
            if note.process.is_gone(Process.this()) and (note.here or not held):
                for lock in held:
                    lock.unlink()
                note.file.unlink()


def told(folder: Path, runs: Path = RUNS) -> str:
    """Who holds the locks in a folder, as far as it is known, and what to do."""
    holders = [note for note in _notes(runs) if note.held(folder)]
    noted = {lock for note in holders for lock in note.held(folder)}
    if {lock for lock in folder.glob("*.lock") if lock.is_file()} - noted:
        return (
            "locked, by whom was not noted; make sure that no snakemake is at work in this folder, "
            f"on any host, {UNLOCK}"
        )
    # First those that are at work, then those that cannot be seen.
    gone = {str(note.process): note.process.is_gone(Process.this()) for note in holders}
    name = min(gone, key=lambda name: {False: 0, None: 1, True: 2}[gone[name]])
    if gone[name] is False:
        return f"{name} is at work on these files; wait for it or end it"
    if gone[name]:
        return (
            f"{name} is gone, but its jobs may still run on the cluster; make sure that they have "
            f"ended, {UNLOCK}"
        )
    return (
        f"locked by {name}, which cannot be seen from here; make sure that it is no longer at "
        f"work, {UNLOCK}"
    )


def _notes(runs: Path) -> list[Note]:
    found = (Note.read(file) for file in sorted(runs.glob("[!.]*.json")))
    return [note for note in found if note is not None]


@contextmanager
def _alone(runs: Path) -> Iterator[None]:
    """One at a time: a lock seen as stale could be another's by the time it is removed."""
    runs.mkdir(parents=True, exist_ok=True)
    with open(runs / ".lock", "w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
