"""Which results can be trusted: the digest of every file that one of our jobs finished.

Snakemake remembers the inputs and parameters of its outputs, but not their contents, so files that
were copied into a project or changed by hand would pass for results. Therefore each job writes its
outputs under temporary names, notes their digests in a small ledger, and only then gives them their
final names. Before anything else runs, ``check`` compares the files with the ledgers. A file with
the same size and modification time counts as unchanged; any other is hashed again.
"""

import fcntl
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import read_json, sha256, write_json
from lethe.pipeline import ledger_files

# Files under results/ that are not results, though jobs may write them.
FREE = ("logs", "README.md", "report.html", "report.zip", "benchmarks")
REMEDY = "remove it, or bring results with `lethe bring FOLDER`, which carries their provenance"
AGAIN = "it is not what its job wrote (the digest differs); delete it to have it made again"
# A job hashes at most this many bytes of its inputs before it starts: a tenth of a second.
VERIFIED = 64 * 2**20


class Stage:
    """A place to write a job's outputs: ``stage(path)`` is the temporary path of an output.

    ``state``: a folder for what the job needs to resume after it was stopped.
    """

    def __init__(self, folder: Path):
        self.folder, self.state = folder / "outputs", folder / "state"
        self._outputs: set[Path] = set()

    def __call__(self, output: str | Path) -> Path:
        self._outputs.add(Path(output))
        staged = self.folder / output
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def publish(self, name: str) -> None:
        """Note all files written so far in the ledger ``name``, then give them their names.

        A file never differs from its entry, because old files of these names are removed first.
        Whenever a kill interrupts this, each file is as noted or missing.
        """
        files = sorted(file for file in self.folder.rglob("*") if file.is_file())
        final = [file.relative_to(self.folder) for file in files]
        # Other settings may have made more files (more epochs): their entries stay.
        entries = ledger_files.read(ledger_files.place(name))
        for place in final:
            _clear(place, entries.get(place.as_posix()))
        entries = {name: entry for name, entry in entries.items() if not self._is_gone(Path(name))}
        entries |= {
            place.as_posix(): ledger_files.entry(file)
            for place, file in zip(final, files, strict=True)
        }
        ledger_files.write(ledger_files.place(name), entries)
        # From here on the outputs are spread over two places: nothing may resume from the state.
        shutil.rmtree(self.state, ignore_errors=True)
        for place, file in zip(final, files, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)

    def _is_gone(self, file: Path) -> bool:
        """Whether a file was in a folder that is an output, and is there no more."""
        return not self._outputs.isdisjoint(file.parents) and not file.exists()


@contextmanager
def staged(name: str, key: str | None = None):
    """Yield a Stage; what was written to it is published if the block succeeds, else dropped.

    ``name``, the name of the first output, identifies the job. ``key`` stands for everything that
    the results depend on: a job that fails or is killed after saving a state gets its state and
    its outputs back as long as the key is the same.
    """
    folder, tag = Path(paths.job(name)), {"output": name, "key": key}
    stage, note = Stage(folder), folder / "job.json"
    # Otherwise a damaged ledger would be noticed only after all the work.
    ledger_files.read(ledger_files.place(name))
    with _alone(folder, name):
        try:
            if key and stage.state.is_dir() and _is(note, tag):
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
    """Yield a Stage for a helper of the process that makes ``name``; its outputs are dropped.

    It may read the main process's ``state``.
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
    """Lock a job's folder; LetheError if a process that outlived its Snakemake still holds it."""
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


def _clear(place: Path, noted: ledger_files.Entry | None) -> None:
    """Make way for an output; what a user wrote there (their own card) is moved beside it."""
    if not place.is_file() or (noted and _is_as_noted(place, noted)):
        place.unlink(missing_ok=True)
    else:
        place.replace(place.with_name(f"{place.stem}.kept{place.suffix}"))


def _is_as_noted(file: Path, noted: ledger_files.Entry) -> bool:
    status = _status(file)
    if status == (noted["size"], noted["mtime_ns"]):
        return True
    return status is not None and status[0] == noted["size"] and sha256(file) == noted["sha256"]


def _is(note: Path, tag: dict) -> bool:
    """Whether a job's note has this content; a damaged one never does."""
    try:
        return read_json(note) == tag
    except LetheError:
        return False


def _drop_unfinished(folder: Path) -> None:
    """Remove temporary files left by a process that was killed while writing."""
    for path in sorted(folder.rglob(".*"), reverse=True):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def verify(names: Iterable[str]) -> None:
    """Compare files that a job is about to read with their ledgers, byte by byte.

    ``check`` trusts size and time, but a byte may have changed without changing either, or since.
    Weights are not included: loading verifies them. If the files exceed 64 MiB together, the
    largest are left out. LetheError names the first that is not as it was written.
    """
    left, noted = VERIFIED, ledger_files.Finder()
    sized = {
        name: _status(Path(name)) for name in map(str, names) if ledger_files.below_results(name)
    }
    for name, status in sorted(sized.items(), key=lambda pair: (pair[1] or (0, 0))[0]):
        if status is None or name.endswith(paths.WEIGHTS):
            continue
        left -= status[0]
        if left < 0:
            return
        entry = noted(name)
        if entry is not None and sha256(name) != entry["sha256"]:
            raise LetheError(f"{name}: {AGAIN}")


def check(
    folder: str | Path = ".",
    counts: Callable[[str], bool] = lambda name: True,
    whole: Iterable[str] = (),
) -> None:
    """Refuse results that no job wrote, in this project or in the one that they were copied from.

    ``counts``: whether a job would read or overwrite a file of that name. Files that no job wrote
    and none would touch (a notebook, notes) are ignored. ``whole``: folders that a job makes as a
    whole, of which no file may be missing, either. LetheError names the first refused file
    and how many there are. If a time changed but not the content (a copy, a touch), the new time
    is noted, so that the next check is quick again.
    """
    root = Path(folder)
    known = ledger_files.known(root)
    for one in whole:
        _check_whole(root, known, one)
    _renew(root, known, changed_times(root, known, counts))
    strangers = [name for name in _present(root) if name not in known.entries and counts(name)]
    if known.damaged:
        raise LetheError(_of_damaged(root, known, strangers))
    if strangers:
        more = f" (and {len(strangers) - 1} more)" if len(strangers) > 1 else ""
        raise LetheError(f"{strangers[0]}{more}: a result without provenance; {REMEDY}")


def _check_whole(root: Path, known: ledger_files.Known, folder: str) -> None:
    """LetheError for a file of a folder that is missing or changed; none if the folder is."""
    if not (root / folder).is_dir():
        return
    for name in sorted(known.entries):
        if Path(folder) not in Path(name).parents or _is_as_noted(root / name, known.entries[name]):
            continue
        what = "not what its job wrote" if (root / name).exists() else "missing"
        raise LetheError(f"{name}: {what}; delete the folder {folder} to have it made again")


def changed_times(
    root: Path, known: ledger_files.Known, counts: Callable[[str], bool] = lambda name: True
) -> list[str]:
    """Files of which only the time changed; LetheError for a changed one that counts."""
    stale = []
    for name in sorted(known.entries):
        entry, file = known.entries[name], root / name
        status = _status(file)
        if status is None or status == (entry["size"], entry["mtime_ns"]):
            continue
        if _is_as_noted(file, entry):
            stale.append(name)
        elif counts(name):
            raise LetheError(f"{name}: {AGAIN}")
    return stale


def _of_damaged(root: Path, known: ledger_files.Known, strangers: list[str]) -> str:
    """The error for damaged ledgers: delete them, and the results that only they listed."""
    ledger, why = next(iter(known.damaged.items()))
    more = f" (and {len(known.damaged) - 1} more)" if len(known.damaged) > 1 else ""
    doomed = [*map(str, known.damaged), *ledger_files.together(strangers, root)]
    return f"{ledger}{more}: {why}; have its results made again: rm -r {shlex.join(doomed)}"


def _status(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_size, stat.st_mtime_ns


def _present(root: Path) -> list[str]:
    """Files under results/ that a job may have made, sorted; links to folders are followed."""
    top, files = root / paths.RESULTS, []
    for place, folders, names in ledger_files.walk(top):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        if Path(place) == top:
            folders[:] = [folder for folder in folders if folder not in FREE]
            names = [name for name in names if name not in FREE]
        files += [
            Path(place, name).relative_to(root).as_posix()
            for name in names
            # Temporary names of files being written, and Snakemake's marks, begin with a dot.
            if not name.startswith(".")
        ]
    return sorted(files)


def _renew(root: Path, known: ledger_files.Known, names: list[str]) -> None:
    """Note the new times of files with unchanged content, if there is room to write."""
    for ledger in ledger_files.every(root) if names else ():
        if ledger.relative_to(root) in known.damaged:
            continue
        entries = ledger_files.read(ledger)
        changed = [name for name in names if entries.get(name) == known.entries[name]]
        for name in changed:
            entries[name]["mtime_ns"] = (root / name).stat().st_mtime_ns
        if changed:
            with suppress(OSError):
                ledger_files.write(ledger, entries)
