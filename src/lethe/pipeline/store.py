"""A store of results that several people use: S3, another object store, or a shared folder.

A store is laid out as a working folder: results, their ledgers, Snakemake's records of them. fsspec
reaches it by its address; keys come from the environment or the service's own files, never from the
address. A file's ledger is written after the file, and every file that is fetched is compared with
its ledger's digest before anything uses it, so a half-sent or a changed file is never taken.

Snakemake's own storage plugins would keep all inputs and outputs of all jobs there, without such a
comparison; this copies what is asked for, when it is asked for, and no rule ever does.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.pipeline import ledger_files
from lethe.pipeline.bring import bring, finished, named, records, selected
from lethe.pipeline.ledger_files import Entry

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://")
# Packages of fsspec for the services that most people have.
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "sftp": "paramiko"}


def is_address(source: str) -> bool:
    """Whether a source is a store's address, such as ``s3://bucket/lethe``, not a folder."""
    return _ADDRESS.match(source) is not None


class Store:
    """A store by its address; LetheError if it cannot be reached or holds a key."""

    def __init__(self, address: str):
        import fsspec

        scheme, _, rest = address.partition("://")
        if "@" in rest.split("/")[0] or "?" in rest:
            raise LetheError(
                f"{scheme}://…: an address must hold no key; set the variables of the service"
            )
        self.address = address.rstrip("/")
        with self._one_line():
            try:
                self.files, self.top = fsspec.core.url_to_fs(self.address)
            except ImportError:
                package = PACKAGES.get(scheme, f"what fsspec needs for {scheme}")
                raise LetheError(f"{address}: pip install {package}") from None
        self.top = self.top.rstrip("/")

    def listed(self, folder: Path) -> list[str]:
        """Names of all files below a folder, relative to the store."""
        with self._one_line():
            top = f"{self.top}/{folder.as_posix()}"
            if not self.files.exists(top):
                return []
            names = sorted(self._name(file) for file in self.files.find(top))
        for name in names:
            if ".." in Path(name).parts or not Path(name).is_relative_to(folder):
                raise LetheError(
                    f"{self.address}: {name!r} leads out of the store; remove it there"
                )
        return names

    def send(self, file: Path, name: str) -> None:
        """Copy a file there, under a name relative to the store."""
        with self._one_line():
            place = f"{self.top}/{name}"
            self.files.makedirs(place.rpartition("/")[0], exist_ok=True)
            self.files.put_file(str(file), place)

    def fetch(self, name: str, file: Path) -> None:
        """Copy a file from there."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._one_line():
            self.files.get_file(f"{self.top}/{name}", str(file))

    def _name(self, file: str) -> str:
        return file.removeprefix(self.top).lstrip("/")

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Turn what a service reports into one line, whose first words name the store."""
        try:
            yield
        except LetheError:
            raise
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise LetheError(f"{self.address}: {type(error).__name__} {reason}") from error


def share(address: str, folder: str | Path = ".", only: Sequence[str] = ()) -> int:
    """Copy results of a working folder to a store, with their provenance; returns how many.

    ``only``: results or folders of results; by default all. Files that are there already stay.

    LetheError, before anything is sent, if results here are not what their jobs wrote, or if one
    would replace a different result there.
    """
    root, store = Path(folder), Store(address)
    entries = finished(root, only)
    with tempfile.TemporaryDirectory() as place:
        copies = Path(place)
        there = _ledgers_of(store, copies)
        known = {name: entry for ledger in there.values() for name, entry in ledger.items()}
        for name, entry in entries.items():
            if name in known and known[name]["sha256"] != entry["sha256"]:
                raise LetheError(
                    f"{store.address}/{name}: a different result of that name is there; use "
                    "another address, or remove it there"
                )
        ours, sent = records(root), 0
        for ledger in ledger_files.every(root):
            place = ledger.relative_to(root)
            own = {n: e for n, e in ledger_files.read(ledger).items() if entries.get(n) == e}
            new = {name: entry for name, entry in own.items() if name not in known}
            for name in new:
                store.send(root / name, name)
                if name in ours:
                    store.send(root / ours[name], ours[name].as_posix())
            if new:
                ledger_files.write(copies / place, there.get(place, {}) | new)
                store.send(copies / place, place.as_posix())
            sent += len(new)
    return sent


def bring_from(address: str, folder: str | Path = ".", only: Sequence[str] = ()) -> int:
    """Copy results of a store into a working folder, as ``bring`` does; returns how many.

    LetheError if a file there is not what its job wrote; nothing is brought then.
    """
    root, store = Path(folder), Store(address)
    # Beside the results, so that large files do not fill a small temporary disk.
    with tempfile.TemporaryDirectory(dir=root, prefix=".lethe-bring-") as place:
        copies = Path(place)
        ledgers = _ledgers_of(store, copies)
        every = {name: entry for one in ledgers.values() for name, entry in one.items()}
        if not every:
            raise LetheError(f"{store.address}: no results with provenance there")
        wanted = selected(every, only)
        known = ledger_files.known(root).entries
        new = {
            name: entry
            for name, entry in wanted.items()
            if known.get(name, {}).get("sha256") != entry["sha256"] or not (root / name).is_file()
        }
        _fetch(store, new, ledgers, copies)
        return bring(copies, root) if new else 0


def _fetch(
    store: Store, new: Mapping[str, Entry], ledgers: Mapping[Path, dict], copies: Path
) -> None:
    """Fetch files with their records, and leave only their entries in the copied ledgers."""
    (copies / ledger_files.RECORDS).mkdir(parents=True, exist_ok=True)
    for name in store.listed(ledger_files.RECORDS):
        relative = Path(name).relative_to(ledger_files.RECORDS)
        if named(relative) in new:
            store.fetch(name, copies / name)
    for ledger, entries in ledgers.items():
        taken = {}
        for name in entries.keys() & new.keys():
            file = copies / name
            store.fetch(name, file)
            if sha256(file) != new[name]["sha256"]:
                raise LetheError(
                    f"{store.address}/{name}: not what its job wrote (the digest differs); remove "
                    "it there, and share it again"
                )
            taken[name] = ledger_files.entry(file, new[name]["sha256"])
        ledger_files.write(copies / ledger, taken)


def _ledgers_of(store: Store, copies: Path) -> dict[Path, dict[str, Entry]]:
    """The ledgers of a store by name, fetched into a folder; LetheError if one is damaged."""
    ledgers = {}
    for name in store.listed(ledger_files.LEDGERS):
        store.fetch(name, copies / name)
        try:
            ledgers[Path(name)] = ledger_files.read(copies / name)
        except ledger_files.Damaged as error:
            raise LetheError(f"{store.address}/{name}: {error.why}; remove it there") from None
    return ledgers
