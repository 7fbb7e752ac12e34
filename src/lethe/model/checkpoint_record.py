"""The record that a checkpoint has of itself, ``checkpoint.json``, and the files held against it.

Of every file that loading reads it holds two digests: SHA-256, by which others know the checkpoint,
and a checksum that is fast enough to be computed whenever the file is loaded: XXH3 (128 bits) of
the XXH3 of its blocks. The model card is for readers, and may be changed.
"""

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator
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
# Bytes: a multiple of every page size. Blocks are what threads share out.
BLOCK = 1 << 24
THREADS = 4


def is_ours(source: str | Path) -> bool:
    """Whether a folder has the digests that a checkpoint of ours has."""
    return (Path(source) / paths.DIGEST).is_file()


def read(folder: str | Path) -> dict[str, Any]:
    """The record of a checkpoint of ours; LetheError, one line, where it is none."""
    file = Path(folder) / paths.DIGEST
    try:
        found = read_json(file)
    except LetheError as error:
        raise LetheError(f"{str(error).partition(';')[0]}; {AGAIN}") from None
    fault = _fault(found)
    if fault is not None:
        raise LetheError(f"{file}: {fault}; {AGAIN}")
    return found


def _fault(found: Any) -> str | None:
    """What is wrong with the content of a record."""
    if not isinstance(found, dict) or not _texts(found.get("files")) or not found["files"]:
        return "names no files"
    if not _texts(found.get("checksums", {})):
        return "its checksums are no texts"
    strange = [name for name in found["files"] if "/" in name or name in ("", ".", "..")]
    if strange:
        return f"{strange[0]!r} is no file of the folder"
    if not isinstance(found.get("origin"), dict):
        return "does not tell where the checkpoint came from"
    if "base" in found and not _is_base(found["base"]):
        return "its base is no source with a digest"
    return None


def _texts(values: Any) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _is_base(value: Any) -> bool:
    known = isinstance(value, dict) and isinstance(value.get("source"), str)
    return known and isinstance(value.get("digest"), str | None)


def digest(folder: str | Path) -> str:
    """SHA-256 of a checkpoint's weights, and interventions, as recorded when it was written."""
    files = read(folder)["files"]
    parts = [files[name] for name in (paths.WEIGHTS, *interventions.FILES) if name in files]
    if not parts:
        raise LetheError(f"{folder}/{paths.DIGEST}: names no weights; {AGAIN}")
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def name_of(source: str | Path) -> str:
    """What provenance calls a checkpoint: ours by the digest of its weights, others by name."""
    ours = (Path(source) / paths.DIGEST).exists()
    return digest(source) if ours else str(source)


def describe(folder: Path) -> dict[str, dict[str, str]]:
    """Both digests of every file of a folder that loading may read, by name."""
    files = [file for file in sorted(folder.iterdir()) if file.name != CARD]
    return {
        "files": {file.name: sha256(file) for file in files},
        "checksums": {file.name: checksum(file) for file in files},
    }


def checksum(file: str | Path) -> str:
    """The fast checksum of a file's bytes, hexadecimal."""
    with ThreadPoolExecutor(_threads()) as pool:
        return _joined(_started(pool, Path(file)))


@contextmanager
def verifying(folder: str | Path, small: bool = False) -> Iterator[None]:
    """Hold every file of a checkpoint of ours against its record while the block loads them.

    Threads read the files ahead of what loads them. A file that is not what was written is a
    LetheError at the block's end, whatever else became of it. Nothing is known of folders of
    others. ``small``: all but the weights, where these are not loaded.
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
    for name, parts in started:
        known = record.get("checksums", {}).get(name)
        found = parts.result() if known is None else _joined(parts)
        if found != (known or record["files"][name]):
            raise LetheError(
                f"{folder}/{name}: its bytes are not those that were written (damaged, or changed "
                f"by hand); {AGAIN}"
            )


def _digesting(
    pool: ThreadPoolExecutor, folder: Path, record: dict[str, Any], name: str
) -> Future | list[Future]:
    """The digest that a record has of a file, being computed."""
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
    """The checksum of one block; it stays in memory no longer than that takes."""
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
