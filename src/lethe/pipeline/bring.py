"""Results of another working folder, brought with their provenance.

Of each result come the file, its entry in the ledger of its job, and Snakemake's record of it: of
files that are brought, and of no others. What the other folder knows of files that it no longer has
says nothing of files of that name here.
"""

import os
import shutil
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256, whole_file
from lethe.pipeline import ledger_files
from lethe.pipeline.ledger import changed_times
from lethe.pipeline.ledger_files import Entry

# What Snakemake writes of outputs whose job has not ended, in the same manner as its records.
UNFINISHED = Path(".snakemake/incomplete")


def bring(source: str | Path, folder: str | Path = ".") -> int:
    """Copy the results of another working folder with their provenance; returns how many files.

    Nothing is written there. Nothing is copied unless the results there are what their jobs wrote
    and none would replace another result here. A file that is here already, byte by byte, stays as
    it is with its provenance: so after a kill the same call brings the rest.
    """
    source, root = Path(source), Path(folder)
    entries, known = _finished(source), _known_here(root)
    same = {name for name, entry in entries.items() if _is_like(root / name, entry)}
    for name in entries:
        if name not in same and os.path.lexists(root / name):
            raise LetheError(f"{name}: there is another result of that name here; remove it first")
    # A file that someone copied here is the same, too, but nothing is known of it yet.
    wanted = {
        name: entry
        for name, entry in entries.items()
        if name not in same or known.get(name, {}).get("sha256") != entry["sha256"]
    }
    theirs, ours = _records(source), _records(root)
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


def _finished(source: Path) -> dict[str, Entry]:
    """The results there, as they are noted; LetheError if one is not what its job wrote."""
    known = ledger_files.known(source)
    for ledger, why in known.damaged.items():
        raise LetheError(f"{source / ledger}: {why}; there, {ledger_files.REMEDY}")
    if not known.entries:
        raise LetheError(f"{source}: no results with provenance there; name a folder of Lethe's")
    _check_links(source / paths.RESULTS)
    changed_times(source, known)
    # A job whose Snakemake was killed may have written files of which the record is an older one.
    left = {name for name, _ in _named(source / UNFINISHED)}
    there = {name: e for name, e in known.entries.items() if (source / name).is_file()}
    unfinished = sorted(left & there.keys())
    if unfinished:
        raise LetheError(
            f"{source / unfinished[0]}: its job has not ended; let Snakemake finish there first"
        )
    return there


def _check_links(top: Path) -> None:
    """LetheError for a link that leads nowhere: results would be left out without a word."""
    for place, folders, names in ledger_files.walk(top):
        for name in [*folders, *names]:
            link = Path(place, name)
            if not link.exists() and link.is_symlink():
                raise LetheError(f"{link}: a link that leads nowhere; mend or remove it")


def _is_like(file: Path, entry: Entry) -> bool:
    if not file.is_file() or file.stat().st_size != entry["size"]:
        return False
    return sha256(file) == entry["sha256"]


def _forget(root: Path, wanted: dict[str, Entry]) -> None:
    """Drop what ledgers here say of files that are not here and are about to come."""
    for ledger in ledger_files.every(root):
        entries = ledger_files.read(ledger)
        kept = {name: entry for name, entry in entries.items() if name not in wanted}
        if len(kept) < len(entries):
            ledger_files.write(ledger, kept)


def _take(
    name: str, entry: Entry, ledger: Path, record: Path | None, source: Path, root: Path
) -> None:
    """Bring one file. It gets its name last, when all is known of it."""
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


def _records(root: Path) -> dict[str, Path]:
    """Snakemake's record of each file, relative to the working folder."""
    found = _named(root / ledger_files.RECORDS)
    return {name: record.relative_to(root) for name, record in found}


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files that Snakemake calls after outputs, in base64, long names cut with an ``@`` before."""
    for record in folder.rglob("*"):
        if record.is_file():
            cut = "".join(part.removeprefix("@") for part in record.relative_to(folder).parts)
            try:
                yield urlsafe_b64decode(cut).decode(), record
            except ValueError:
                continue
