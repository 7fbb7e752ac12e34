"""The ledgers: by job, the size, time of modification and digest of every file that it finished.

A ledger is a JSON file below ``.snakemake/lethe``, named after the job's first output. It maps the
names of files to their entries.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256, write_json

# Snakemake's own records, which tell whether a result is up to date, with the ledgers beside
# them: whoever copies results without the one also leaves out the other.
RECORDS = Path(".snakemake/metadata")
LEDGERS = Path(".snakemake/lethe")

Entry = dict[str, Any]
REMEDY = "run `snakemake -n`, which names the results to delete with it"
KEYS = {"size": int, "mtime_ns": int, "sha256": str}


class Damaged(LetheError):
    """A ledger that cannot be read."""

    def __init__(self, ledger: Path, why: str):
        self.why = f"damaged ({why})"
        super().__init__(f"{ledger}: {self.why}; {REMEDY}")


@dataclass
class Known:
    """The contents of all ledgers of a folder: entries by file name, and damaged ledgers."""

    entries: dict[str, Entry] = field(default_factory=dict)
    damaged: dict[Path, str] = field(default_factory=dict)


def place(name: str) -> Path:
    """The path of the ledger of the job whose first output has that name."""
    return LEDGERS / f"{name}.json"


def entry(file: Path, sha: str | None = None) -> Entry:
    """The entry of a file as it is now."""
    stat = file.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha or sha256(file)}


def read(ledger: Path) -> dict[str, Entry]:
    """The entries of a ledger, none if there is no such file; LetheError if it is damaged."""
    try:
        entries = json.loads(ledger.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise Damaged(ledger, type(error).__name__) from None
    why = _fault(entries)
    if why:
        raise Damaged(ledger, why)
    return entries


def write(ledger: Path, entries: dict[str, Entry]) -> None:
    write_json(ledger, entries, indent=1)


def every(root: Path) -> Iterator[Path]:
    """All ledgers of a folder, in order."""
    yield from sorted((root / LEDGERS).rglob("[!.]*.json"))


def known(root: Path) -> Known:
    """The contents of a folder's ledgers; nothing if Snakemake's own records are missing."""
    contents = Known()
    for ledger in every(root) if (root / RECORDS).is_dir() else ():
        try:
            _add(contents.entries, read(ledger))
        except Damaged as error:
            contents.damaged[ledger.relative_to(root)] = error.why
    return contents


class Finder:
    """Looks up the entries of single files without reading every ledger, and none twice."""

    def __init__(self) -> None:
        self._read: dict[Path, dict[str, Entry]] = {}

    def __call__(self, name: str) -> Entry | None:
        """A file's entry: a job's outputs are near its first, which its ledger is named after."""
        entry = self._entries(place(name)).get(name)
        for folder in PurePosixPath(name).parents:
            if entry is not None or len(folder.parts) < 2:
                break
            entry = self._below(LEDGERS / folder).get(name)
        return entry

    def _below(self, folder: Path) -> dict[str, Entry]:
        if folder not in self._read:
            self._read[folder] = entries = {}
            for ledger in sorted(folder.rglob("[!.]*.json")):
                _add(entries, self._entries(ledger))
        return self._read[folder]

    def _entries(self, ledger: Path) -> dict[str, Entry]:
        if ledger not in self._read:
            self._read[ledger] = read(ledger)
        return self._read[ledger]


def _add(entries: dict[str, Entry], more: dict[str, Entry]) -> None:
    """Add entries; of several for one file, that of the job which wrote it last is kept."""
    for name, given in more.items():
        if name not in entries or entries[name]["mtime_ns"] <= given["mtime_ns"]:
            entries[name] = given


def _fault(document: Any) -> str | None:
    if not isinstance(document, dict):
        return "not an object"
    for name, given in document.items():
        if not below_results(name):
            return f"{name[:80]!r} is not a file below {paths.RESULTS}/"
        if not isinstance(given, dict) or any(type(given.get(k)) is not t for k, t in KEYS.items()):
            return f"the entry of {name[:80]} is incomplete"
    return None


def below_results(name: str) -> bool:
    """Whether a name, relative to the working folder, stays below results/."""
    first, *rest = name.split("/")
    plain = not any(part in ("", ".", "..") for part in rest) and name.isprintable()
    return first == paths.RESULTS and bool(rest) and plain


def walk(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """``os.walk`` that follows links to folders, except those that lead in a circle."""
    seen = set()
    for place, folders, names in os.walk(top, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        yield place, folders, names


def together(names: Iterable[str], root: Path) -> list[str]:
    """The names, with a folder in place of all its files, for a message."""
    named, shown = set(names), []
    for name in sorted(named):
        if any(name.startswith(f"{folder}/") for folder in shown):
            continue
        parents = [str(p) for p in PurePosixPath(name).parents if len(p.parts) > 1]
        whole = [p for p in reversed(parents) if _files(root / p, root) <= named]
        shown.append(whole[0] if whole else name)
    return shown


def _files(folder: Path, root: Path) -> set[str]:
    return {
        Path(place, name).relative_to(root).as_posix()
        for place, _, names in os.walk(folder)
        for name in names
    }
