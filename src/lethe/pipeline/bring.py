"""Copying results from another working folder together with their provenance.

For each file that is copied, its entry in its job's ledger and Snakemake's record of it are copied
too, and nothing else: what the other folder remembers about files that it no longer has says
nothing about files of that name here.
"""

import os
import shutil
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256, whole_file
from lethe.pipeline import ledger_files
from lethe.pipeline.ledger import changed_times
from lethe.pipeline.ledger_files import Entry

# Where Snakemake notes the outputs of unfinished jobs, named in the same way as its records.
UNFINISHED = Path(".snakemake/incomplete")


def bring(source: str | Path, folder: str | Path = ".", only: Sequence[str] = ()) -> int:
    """Copy the results of another working folder with their provenance; returns how many files.

    ``only``: results or folders of results (``results/default/tiny/all``); by default all.

    Nothing is written there. Nothing is copied unless the results there are what their jobs wrote
    and none would replace a different result here. An identical file that is already here stays as
    it is and gets its provenance, so that after a kill the same call copies the rest.
    """
    source, root = Path(source), Path(folder)
    entries, known = finished(source, only), _known_here(root)
    same = {name for name, entry in entries.items() if _is_like(root / name, entry)}
    for name in entries:
        if name not in same and os.path.lexists(root / name):
            raise LetheError(
                f"{name}: a different result of that name is already here; remove it first"
            )
    # Includes identical files that someone copied here without their provenance.
    wanted = {
        name: entry
        for name, entry in entries.items()
        if name not in same or known.get(name, {}).get("sha256") != entry["sha256"]
    }
    theirs, ours = records(source), records(root)
    _forget(root, wanted)
    for ledger in ledger_files.every(source):
        taken = {name: wanted[name] for name in ledger_files.read(ledger) if name in wanted}
        for name, entry in taken.items():
            for stale in filter(None, [ours.get(name)]):
                (root / stale).unlink(missing_ok=True)
            _take(name, entry, ledger.relative_to(source), theirs.get(name), source, root)
    return len(wanted)


def _known_here(root: Path) -> dict[str, Entry]:
    known = ledger_files.known(root)
    for ledger, why in known.damaged.items():
        raise LetheError(f"{ledger}: {why}; {ledger_files.REMEDY}")
    return known.entries


def finished(source: Path, only: Sequence[str] = ()) -> dict[str, Entry]:
    """The entries of a folder's results, or of those in ``only``.

    LetheError if one is not what its job wrote.
    """
    known = ledger_files.known(source)
    for ledger, why in known.damaged.items():
        raise LetheError(f"{source / ledger}: {why}; there, {ledger_files.REMEDY}")
    if not known.entries:
        raise LetheError(
            f"{source}: no results with provenance there; name a working folder of Lethe"
        )
    _check_links(source / paths.RESULTS)
    changed_times(source, known)
    # If Snakemake was killed, its records may be older than the files that a job wrote.
    left = {name for name, _ in _named(source / UNFINISHED)}
    present = {name: e for name, e in known.entries.items() if (source / name).is_file()}
    there = selected(present, only)
    unfinished = sorted(left & there.keys())
    if unfinished:
        raise LetheError(
            f"{source / unfinished[0]}: its job has not ended; let Snakemake finish there first"
        )
    return there


def _check_links(top: Path) -> None:
    """LetheError for a dangling link, behind which results would silently be left out."""
    for place, folders, names in ledger_files.walk(top):
        for name in [*folders, *names]:
            link = Path(place, name)
            if not link.exists() and link.is_symlink():
                raise LetheError(f"{link}: a link that leads nowhere; correct or remove it")


def _is_like(file: Path, entry: Entry) -> bool:
    if not file.is_file() or file.stat().st_size != entry["size"]:
        return False
    return sha256(file) == entry["sha256"]


def _forget(root: Path, wanted: dict[str, Entry]) -> None:
    """Drop entries of ledgers here about missing files that are about to be copied."""
    for ledger in ledger_files.every(root):
        entries = ledger_files.read(ledger)
        remaining = {name: entry for name, entry in entries.items() if name not in wanted}
        if len(remaining) < len(entries):
            ledger_files.write(ledger, remaining)


def _take(
    name: str, entry: Entry, ledger: Path, record: Path | None, source: Path, root: Path
) -> None:
    """Copy one file. It gets its name last, after its provenance."""
    with whole_file(root / name) as temporary:
        shutil.copyfile(source / name, temporary)
        shutil.copystat(source / name, temporary)
        if sha256(temporary) != entry["sha256"]:
            raise LetheError(f"{name}: it changed while it was copied; bring again")
        noted = ledger_files.entry(temporary, entry["sha256"])
        ledger_files.write(root / ledger, ledger_files.read(root / ledger) | {name: noted})
        if record is not None:
            with whole_file(root / record) as copy:
                shutil.copyfile(source / record, copy)


def records(root: Path) -> dict[str, Path]:
    """Snakemake's record of each file, relative to the working folder."""
    files = _named(root / ledger_files.RECORDS)
    return {name: record.relative_to(root) for name, record in files}


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files that Snakemake names after outputs, with the outputs' names."""
    for record in folder.rglob("*"):
        if record.is_file():
            output = named(record.relative_to(folder))
            if output is not None:
                yield output, record


def named(record: Path) -> str | None:
    """The output that a record is named after: base64, long names split into ``@`` folders."""
    cut = "".join(part.removeprefix("@") for part in record.parts)
    try:
        return urlsafe_b64decode(cut).decode()
    except ValueError:
        return None


def selected(entries: dict[str, Entry], only: Sequence[str]) -> dict[str, Entry]:
    """The entries of the results that are asked for; LetheError if one of these names has none."""
    chosen: dict[str, Entry] = {}
    for given in only:
        place = given.rstrip("/")
        below = {n: e for n, e in entries.items() if n == place or n.startswith(f"{place}/")}
        if not below:
            raise LetheError(f"{given}: no such result there")
        chosen |= below
    return chosen if only else entries
