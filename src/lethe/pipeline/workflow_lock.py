"""Who holds Snakemake's lock, so that it does not outlive a run that was killed.

The lock is a list of files that does not say who holds it. So each run notes who it is and which
locks are its own. A lock is removed only if its note proves that the holder is gone: on the same
host, in the same PID namespace.
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
    """Who holds which locks, by name and mark; ``here``: its jobs are its child processes."""

    file: Path
    process: Process
    here: bool
    locks: dict[str, list[int]]

    def write(self) -> None:
        said = {"process": asdict(self.process), "here": self.here, "locks": self.locks}
        write_json(self.file, said)

    @classmethod
    def read(cls, file: Path) -> "Note | None":
        """None if the note is damaged, because then it proves nothing."""
        try:
            said = read_json(file)
            return cls(file, Process(**said["process"]), said["here"], dict(said["locks"]))
        except (LetheError, TypeError, KeyError, ValueError):
            return None

    def held(self, folder: Path) -> list[Path]:
        """The holder's locks that still exist."""
        return [folder / name for name, mark in self.locks.items() if _mark(folder / name) == mark]


def _mark(lock: Path) -> list[int]:
    """What distinguishes a lock from a later one of the same name."""
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
    """Remove a folder's locks whose holder is provably gone, and notes without any lock.

    Jobs on other machines (a cluster's) may outlive the holder: then its locks stay.
    """
    with _alone(runs):
        for note in _notes(runs):
            held = note.held(folder)
            if note.process.is_gone(Process.this()) and (note.here or not held):
                for lock in held:
                    lock.unlink()
                note.file.unlink()


def holders_message(folder: Path, runs: Path = RUNS) -> str:
    """A message: who holds the locks in a folder, as far as is known, and what to do."""
    holders = [note for note in _notes(runs) if note.held(folder)]
    noted = {lock for note in holders for lock in note.held(folder)}
    if {lock for lock in folder.glob("*.lock") if lock.is_file()} - noted:
        return (
            "locked by an unknown process; make sure that no snakemake is at work in this folder, "
            f"on any host, {UNLOCK}"
        )
    # First the holders that are at work, then those that cannot be seen from here.
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
    notes = (Note.read(file) for file in sorted(runs.glob("[!.]*.json")))
    return [note for note in notes if note is not None]


@contextmanager
def _alone(runs: Path) -> Iterator[None]:
    """One process at a time: a stale lock could belong to another by the time it is removed."""
    runs.mkdir(parents=True, exist_ok=True)
    with open(runs / ".lock", "w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
