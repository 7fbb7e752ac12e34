"""A checkpoint's record of itself, ``checkpoint.json``, and checking its files against it.

For every file that loading reads it holds two digests: SHA-256, which identifies the checkpoint,
and a checksum fast enough to be computed on every load: XXH3 (128 bits) of the XXH3 of its blocks.
The model card is for readers and may be changed.
"""

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import read_json, sha256
from lethe.model import interventions

CARD = "README.md"
AGAIN = "delete the folder, and make or copy it again"
# In bytes, a multiple of every page size; threads each take a block.
BLOCK = 1 << 24
THREADS = 4


def is_ours(source: str | Path) -> bool:
    """Whether a folder is a checkpoint written by Lethe."""
    return (Path(source) / paths.DIGEST).is_file()


def read(folder: str | Path) -> dict[str, Any]:
    """The record of a checkpoint written by Lethe; LetheError if it is malformed."""
    file = Path(folder) / paths.DIGEST
    try:
        record = read_json(file)
    except LetheError as error:
        raise LetheError(f"{str(error).partition(';')[0]}; {AGAIN}") from None
    fault = _fault(record)
    if fault is not None:
        raise LetheError(f"{file}: {fault}; {AGAIN}")
    return record


def _fault(record: Any) -> str | None:
    """What is wrong with a record's content, or None."""
    if not isinstance(record, dict) or not _texts(record.get("files")) or not record["files"]:
        return "names no files"
    if not _texts(record.get("checksums", {})):
        return "its checksums are not texts"
    strange = [name for name in record["files"] if "/" in name or name in ("", ".", "..")]
    if strange:
        return f"{strange[0]!r} is not a file of the folder"
    if not isinstance(record.get("origin"), dict):
        return "does not say where the checkpoint came from"
    if "base" in record and not _is_base(record["base"]):
        return "its base is not a source with a digest"
    return None


def _texts(values: Any) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _is_base(value: Any) -> bool:
    known = isinstance(value, dict) and isinstance(value.get("source"), str)
    return known and isinstance(value.get("digest"), str | None)


def digest(folder: str | Path) -> str:
    """SHA-256 of a checkpoint's weights and interventions, as recorded."""
    files = read(folder)["files"]
    parts = [files[name] for name in (paths.WEIGHTS, *interventions.FILES) if name in files]
    if not parts:
        raise LetheError(f"{folder}/{paths.DIGEST}: names no weights; {AGAIN}")
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def name_of(source: str | Path) -> str:
    """A checkpoint's name in the provenance: for ours the digest, for others the source."""
    ours = (Path(source) / paths.DIGEST).exists()
    return digest(source) if ours else str(source)


def describe(
    folder: Path, known: Mapping[str, tuple[str, str]] | None = None
) -> dict[str, dict[str, str]]:
    """Both digests, by name, of every file in a folder that loading may read.

    ``known``: SHA-256 and checksum of files that were hashed as they were written.
    """
    names = [file.name for file in sorted(folder.iterdir()) if file.name != CARD]
    known = known or {}
    both = {n: known.get(n) or (sha256(folder / n), checksum(folder / n)) for n in names}
    return {
        "files": {name: digests[0] for name, digests in both.items()},
        "checksums": {name: digests[1] for name, digests in both.items()},
    }


def checksum(file: str | Path) -> str:
    """The fast checksum of a file's bytes, hexadecimal."""
    with ThreadPoolExecutor(_threads()) as pool:
        return _joined(_started(pool, Path(file)))


@contextmanager
def verifying(folder: str | Path, small: bool = False) -> Iterator[None]:
    """Check every file of a checkpoint against its record while the block loads them.

    Threads read the files ahead of the loader. A changed file raises LetheError at the end of the
    block, whatever else happened in it. Foreign folders are not checked. ``small``: all files but
    the weights, if these are not loaded.
    """
    if not is_ours(folder):
        yield
        return
    record = read(folder)
    left_out = {CARD, *((paths.WEIGHTS,) if small else ())}
    names = [name for name in record["files"] if name not in left_out]
    with ThreadPoolExecutor(_threads()) as pool:
        started = [(name, _digesting(pool, Path(folder), record, name)) for name in names]
        try:
            yield
        finally:
            _judge(folder, record, started)


def _judge(folder: str | Path, record: dict[str, Any], started: Iterable) -> None:
    for name, blocks in started:
        recorded = record.get("checksums", {}).get(name)
        actual = blocks.result() if recorded is None else _joined(blocks)
        if actual != (recorded or record["files"][name]):
            raise LetheError(
                f"{folder}/{name}: its bytes are not those that were written (damaged, or changed "
                f"by hand); {AGAIN}"
            )


def _digesting(
    pool: ThreadPoolExecutor, folder: Path, record: dict[str, Any], name: str
) -> Future | list[Future]:
    """The computation, under way, of the digest by which a record knows a file."""
    file = folder / name
    if not file.is_file():
        raise LetheError(f"{folder}: {name} missing; {AGAIN}")
    # Records of earlier versions have no checksums.
    if name not in record.get("checksums", {}):
        return pool.submit(sha256, file)
    return _started(pool, file)


def _started(pool: ThreadPoolExecutor, file: Path) -> list[Future]:
    size = file.stat().st_size
    return [
        pool.submit(_of_block, file, at, min(BLOCK, size - at))
        for at in range(0, max(size, 1), BLOCK)
    ]


def _joined(parts: list[Future]) -> str:
    from xxhash import xxh3_128_hexdigest

    return xxh3_128_hexdigest(b"".join(part.result() for part in parts))


def _of_block(file: Path, at: int, size: int) -> bytes:
    """The checksum of one memory-mapped block."""
    from xxhash import xxh3_128_digest

    if size == 0:
        return xxh3_128_digest(b"")
    with (
        file.open("rb") as stream,
        mmap.mmap(stream.fileno(), size, offset=at, access=mmap.ACCESS_READ) as block,
    ):
        return xxh3_128_digest(block)


def _threads() -> int:
    return min(THREADS, os.cpu_count() or 1)
