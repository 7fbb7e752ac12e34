"""Disk: which checkpoints stay after a run, their size, and whether there is room. Light."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.pipeline import ledger_files, search_chains
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import method
from lethe.pipeline.search import all_trials
from lethe.pipeline.sizes import checkpoint_bytes

# Methods' checkpoints may take this much by default; keeping more must be chosen explicitly.
UNASKED = 50 * 10**9
# With fewer free bytes than this, no run gets far.
LITTLE = 2**16


def kept_epochs(keep: str | None, epochs: int) -> set[int]:
    """The epochs of a method whose checkpoints stay where they are after evaluation.

    With the policy ``best`` none does: the best epoch's is linked to the run's folder ``best``.
    """
    if keep in ("best", "none"):
        return set()
    return {epochs} if keep == "last" else set(range(1, epochs + 1))


def checkpoints_left(keep: str | None, epochs: int) -> int:
    """How many checkpoints of a method's run stay after evaluation, by the policy ``keep``."""
    return 1 if keep == "best" else len(kept_epochs(keep, epochs))


def methods_bytes(config: Config, keep: str | None) -> int:
    """The size of all methods' checkpoints under a policy; LetheError if a size is not known."""
    runs = len(config.splits) * len(config.seeds)
    epochs = sum(checkpoints_left(keep, method(config, name).epochs) for name in config.methods)
    return sum(runs * epochs * size_of(config, model, "unlearn") for model in config.models)


def size_of(config: Config, model: str, stage: str) -> int:
    """Bytes of a model's checkpoint; LetheError if they are not known."""
    settings = config.model_settings[model]
    size = checkpoint_bytes(settings, stage)
    if size is None:
        raise LetheError(
            f"config: model_settings.{model}.parameters: how many {settings.base_checkpoint} has "
            "is not known before it is loaded; give the number, such as 7e9"
        )
    return size


def check(config: Config) -> None:
    """Refuse to keep every checkpoint of large models unless that was chosen explicitly."""
    tried = {**all_trials(config), **search_chains.placeholders(config)}
    if config.checkpoints.keep is not None or not (tried or config.methods):
        return
    every = config.with_methods(tried).changed(methods=[*config.methods, *tried])
    needed = methods_bytes(every, "all")
    if needed > UNASKED:
        raise LetheError(
            f"config: checkpoints.keep: all epochs of all methods would take {readable(needed)}; "
            "choose all, last, best or none"
        )


@dataclass(frozen=True)
class Made:
    """A checkpoint that a planned job writes: its file, bytes, run, and whether it stays."""

    file: str
    size: int
    stays: bool
    run: str


def needed(made: Iterable[Made], at_once: int) -> tuple[int, int]:
    """Bytes that planned jobs add: (those that stay, those that are added for a time).

    ``at_once``: how many jobs run in parallel. Checkpoints that do not stay exist from the end of
    their run until it is evaluated. Evaluation goes first, so at most twice as many runs wait.
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
    """One line that says how much a run takes and how much is free; LetheError if it cannot fit."""
    stays, passing = needed(made, at_once)
    free = shutil.disk_usage(folder if Path(folder).exists() else ".").free
    line = f"Disk: checkpoints take {readable(stays)} to stay and {readable(passing)} for a time"
    if stays + passing > free:
        raise LetheError(
            f"{line}, but {folder}/ has {readable(free)} free; make room, or keep fewer: "
            "checkpoints.keep: last, best or none"
        )
    return f"{line}; {readable(free)} are free."


def check_writable(folders: Iterable[str | Path]) -> None:
    """LetheError for a folder that cannot be written to: no room, or read-only.

    If it does not exist yet, the folder where it would be made is tested.
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
    """Remove the files beside deleted weights, except the digest, which says what was there.

    Files that no job wrote stay as well.
    """
    noted = ledger_files.Finder()
    for digest in Path(paths.world(world)).rglob(paths.DIGEST):
        if not (digest.parent / paths.WEIGHTS).exists():
            for file in digest.parent.iterdir():
                ours = not file.is_dir() and noted(file.as_posix()) is not None
                if ours and file.name != paths.DIGEST:
                    file.unlink()


def readable(size: float) -> str:
    """Bytes in a readable unit."""
    unit, scale = next(
        ((unit, scale) for unit, scale in (("TB", 1e12), ("GB", 1e9)) if size >= 0.9995 * scale),
        ("MB", 1e6),
    )
    return f"{size / scale:.3g} {unit}"
