"""Disk: which checkpoints stay after a run, what they take, and whether there is room. Light."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.pipeline import ledger_files
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import method
from lethe.pipeline.search import all_trials
from lethe.pipeline.sizes import checkpoint_bytes

# What may be kept of methods without being asked for: more is kept on purpose or not at all.
UNASKED = 50 * 10**9
# Bytes without which no run gets far.
LITTLE = 2**16


def kept_epochs(keep: str | None, epochs: int) -> set[int]:
    """The epochs of a method whose checkpoints stay after evaluation, by the policy ``keep``."""
    if keep == "none":
        return set()
    return {epochs} if keep == "last" else set(range(1, epochs + 1))


def methods_bytes(config: Config, keep: str | None) -> int:
    """What the kept checkpoints of all methods take; LetheError where a size is not known."""
    runs = len(config.splits) * len(config.seeds)
    epochs = sum(len(kept_epochs(keep, method(config, name).epochs)) for name in config.methods)
    return sum(runs * epochs * size_of(config, model, "unlearn") for model in config.models)


def size_of(config: Config, model: str, stage: str) -> int:
    """Bytes of a checkpoint of a model; LetheError where they cannot be told."""
    settings = config.model_settings[model]
    size = checkpoint_bytes(settings, stage)
    if size is None:
        raise LetheError(
            f"config: model_settings.{model}.parameters: how many {settings.base_checkpoint} has "
            "is not known before it is loaded; give the number, 7e9 say"
        )
    return size


def check(config: Config) -> None:
    """Refuse to keep every checkpoint of large models unless that was chosen."""
    tried = all_trials(config)
    if config.checkpoints.keep is not None or not (tried or config.methods):
        return
    every = config.with_methods(tried).changed(methods=[*config.methods, *tried])
    needed = methods_bytes(every, "all")
    if needed > UNASKED:
        raise LetheError(
            f"config: checkpoints.keep: all epochs of all methods would take {told(needed)}; "
            "choose all, last or none"
        )


@dataclass(frozen=True)
class Made:
    """A checkpoint that a planned job writes: file, bytes, whether it stays, and of which run."""

    file: str
    size: int
    stays: bool
    run: str


def needed(made: Iterable[Made], at_once: int) -> tuple[int, int]:
    """Bytes that planned jobs add: (what stays, what lies there for a time beside it).

    ``at_once``: how many jobs run side by side. A run's passing checkpoints lie there from its end
    until it is evaluated; evaluation goes first, so that twice as many runs wait at the most.
    """
    stays, passing = 0, {}
    for one in made:
        if one.stays:
            before = Path(one.file)
            stays += one.size - (before.stat().st_size if before.exists() else 0)
        else:
            passing[one.run] = passing.get(one.run, 0) + one.size
    largest = sorted(passing.values(), reverse=True)[: 2 * at_once]
    return max(0, stays), sum(largest)


def check_room(made: Iterable[Made], at_once: int, folder: str = paths.RESULTS) -> str:
    """One line that says what a run takes and what is free; LetheError where it cannot fit."""
    stays, passing = needed(made, at_once)
    free = shutil.disk_usage(folder if Path(folder).exists() else ".").free
    line = f"Disk: checkpoints take {told(stays)} to stay and {told(passing)} for a time"
    if stays + passing > free:
        raise LetheError(
            f"{line}, but {folder}/ has {told(free)} free; make room, or keep fewer: "
            "checkpoints.keep: last or none"
        )
    return f"{line}; {told(free)} are free."


def check_writable(folders: Iterable[str | Path]) -> None:
    """LetheError for a folder that cannot be written to: no room, or read-only.

    Of one that is not there yet, where it is to be made.
    """
    looked_at = set()
    for folder in map(Path, folders):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if there not in looked_at:
            looked_at.add(there)
            _write_something(there)


def _write_something(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(LITTLE))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise LetheError(
            f"{folder}: {os.strerror(error.errno)}; {'make room' if full else 'make it writable'}, "
            "then run the same command again"
        ) from None


def sweep(world: str) -> None:
    """Clear what lies beside weights that were deleted; the digest, which says what was, stays.

    So does what no job wrote there.
    """
    noted = ledger_files.Finder()
    for digest in Path(paths.world(world)).rglob(paths.DIGEST):
        if not (digest.parent / paths.WEIGHTS).exists():
            for file in digest.parent.iterdir():
                ours = not file.is_dir() and noted(file.as_posix()) is not None
                if ours and file.name != paths.DIGEST:
                    file.unlink()


def told(size: float) -> str:
    """Bytes as a person says them."""
    unit, scale = next(
        ((unit, scale) for unit, scale in (("TB", 1e12), ("GB", 1e9)) if size >= 0.9995 * scale),
        ("MB", 1e6),
    )
    return f"{size / scale:.3g} {unit}"
