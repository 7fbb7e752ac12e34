"""Which results may be trusted: the digest of every file that a job of ours finished.

Snakemake remembers the inputs and parameters of what it made, but not what came out; files copied
into a project, or changed by hand, would pass for results. So each job writes its outputs under
temporary names, notes their digests in a small ledger, and only then gives them their names. Before
anything else runs, ``check`` holds the files against the ledgers: size and time of modification as
they were mean the content is as it was; otherwise it is hashed again.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lethe import paths
from lethe.errors import LetheError
from lethe.files import read_json, sha256, write_json

# Where Snakemake keeps its own records, from which it knows whether a result is up to date, and the
# ledgers beside them: results copied without the one lack the other too.
RECORDS = Path(".snakemake/metadata")
LEDGERS = Path(".snakemake/lethe")
# Files under results/ that no job claims.
FREE = ("logs", "README.md", "report.html", "report.zip", "benchmarks")
REMEDY = "remove it, or bring results with `lethe bring FOLDER`, which carries their provenance"


class Stage:
    """A place to write a job's outputs: ``stage(path)`` is the temporary path of an output.

    ``state``: a folder for what the job needs to go on after it was stopped.
    """

    def __init__(self, folder: Path):
        self.folder, self.state = folder / "outputs", folder / "state"

    def __call__(self, output: str | Path) -> Path:
        staged = self.folder / output
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def publish(self, name: str) -> None:
        """Note all files written so far in the ledger ``name``, then give them their names."""
        files = sorted(file for file in self.folder.rglob("*") if file.is_file())
        final = [file.relative_to(self.folder) for file in files]
        ledger = LEDGERS / f"{name}.json"
        # A setting may have made more files before (more epochs): they stay what they are.
        entries = read_json(ledger) if ledger.exists() else {}
        pairs = list(zip(final, files, strict=True))
        entries |= {place.as_posix(): _entry(file) for place, file in pairs}
        write_json(ledger, entries, indent=1)
        # From here on the outputs are not whole in one place: nothing may go on from the state.
        shutil.rmtree(self.state, ignore_errors=True)
        for place, file in pairs:
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)


@contextmanager
def staged(name: str, key: str | None = None):
    """Yield a Stage; what was written to it is published if the block succeeds, else dropped.

    ``name`` identifies the job: the name of its first output. With a ``key``, which stands for all
    that its results depend on, a job that fails or is killed after it saved a state finds both its
    state and its outputs again, as long as the key is the same.
    """
    folder, tag = Path(paths.job(name)), {"output": name, "key": key}
    stage, note = Stage(folder), folder / "job.json"
    with _alone(folder, name):
        try:
            if key and stage.state.is_dir() and note.exists() and read_json(note) == tag:
                _drop_unfinished(stage.folder)
            else:
                # Left by a job that was killed, or by other settings.
                for left in (stage.folder, stage.state):
                    shutil.rmtree(left, ignore_errors=True)
                write_json(note, tag)
            yield stage
            stage.publish(name)
        except BaseException:
            if not (key and stage.state.is_dir()):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def beside(name: str):
    """Yield a Stage for a process that helps the one that makes ``name``: its outputs are dropped.

    It may read the other's ``state``.
    """
    folder = Path(tempfile.mkdtemp(prefix="lethe-"))
    try:
        stage = Stage(folder)
        stage.state = Path(paths.job(name), "state")
        yield stage
    finally:
        shutil.rmtree(folder)


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Hold a job's folder; LetheError if a process that outlived its Snakemake still does."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LetheError(
                f"{name}: another process is making it ({folder}); wait for it or end it, then run "
                "the same command again"
            ) from None
        yield


def _drop_unfinished(folder: Path) -> None:
    """Remove what was being written, under a temporary name, when its process was killed."""
    for found in sorted(folder.rglob(".*"), reverse=True):
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()


def check(folder: str | Path = ".") -> None:
    """Refuse results that are not what a job of this project, or of the one they came from, made.

    LetheError names the first such file and how many there are. Times that changed without the
    content (a copy, a touch) are noted, so that the next check is quick again.
    """
    root = Path(folder)
    known, stale = _known(root), []
    for name in sorted(known):
        entry, file = known[name], root / name
        status = _status(file)
        if status is None or status == (entry["size"], entry["mtime_ns"]):
            continue
        if status[0] != entry["size"] or sha256(file) != entry["sha256"]:
            raise LetheError(
                f"{name}: it is not what its job wrote (the digest differs); "
                "delete it to have it made again"
            )
        stale.append(name)
    strangers = [name for name in _present(root) if name not in known]
    if strangers:
        more = f" (and {len(strangers) - 1} more)" if len(strangers) > 1 else ""
        raise LetheError(f"{strangers[0]}{more}: a result without provenance; {REMEDY}")
    _renew(root, stale)


def bring(source: str | Path, folder: str | Path = ".") -> int:
    """Copy the results of another working folder with their provenance; returns how many files.

    Both kinds of records come along. Nothing is copied unless the results there pass ``check`` and
    none would replace a result here.
    """
    source, root = Path(source), Path(folder)
    if not (source / LEDGERS).is_dir():
        raise LetheError(f"{source}: no results with provenance there; name a folder of Lethe's")
    check(source)
    names = _present(source)
    taken = [name for name in names if (root / name).exists()]
    if taken:
        raise LetheError(f"{taken[0]}: there is a result of that name here; remove it first")
    for ledger in (source / LEDGERS).rglob("*.json"):
        _merge(ledger, root / ledger.relative_to(source), root)
    if (source / RECORDS).is_dir():
        shutil.copytree(source / RECORDS, root / RECORDS, dirs_exist_ok=True)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, root / name)
    return len(names)


def _merge(theirs: Path, ours: Path, root: Path) -> None:
    """Take over a ledger; what one of that name here says of results here goes on to hold."""
    entries = read_json(theirs)
    if ours.exists():
        entries |= {name: e for name, e in read_json(ours).items() if (root / name).exists()}
    write_json(ours, entries, indent=1)


def _entry(file: Path) -> dict:
    stat = file.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256(file)}


def _known(root: Path) -> dict[str, dict]:
    """Entries of all ledgers, by the name of the file."""
    entries = {}
    if (root / RECORDS).is_dir():
        for ledger in (root / LEDGERS).rglob("*.json"):
            entries.update(read_json(ledger))
    return entries


def _status(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _present(root: Path) -> list[str]:
    """Files under results/ that a job must have made, in order."""
    top, found = root / paths.RESULTS, []
    for place, folders, names in os.walk(top):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        if Path(place) == top:
            folders[:] = [folder for folder in folders if folder not in FREE]
            names = [name for name in names if name not in FREE]
        found += [
            Path(place, name).relative_to(root).as_posix()
            for name in names
            # Temporary names of files being written, and Snakemake's marks, begin with a dot.
            if not name.startswith(".")
        ]
    return sorted(found)


def _renew(root: Path, names: list[str]) -> None:
    """Note the times of files whose content was found unchanged."""
    for ledger in (root / LEDGERS).rglob("*.json") if names else ():
        entries = read_json(ledger)
        changed = [name for name in names if name in entries]
        for name in changed:
            entries[name]["mtime_ns"] = (root / name).stat().st_mtime_ns
        if changed:
            write_json(ledger, entries, indent=1)
