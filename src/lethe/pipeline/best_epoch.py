"""Whether the checkpoint that a run keeps is that of its best epoch. Light to import."""

from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import read_json


def is_outdated(run_folder: str) -> bool:
    """Whether another epoch has been chosen since a run's best checkpoint was put aside."""
    chosen = _number(Path(paths.best_epoch(run_folder)), "epoch")
    aside = _number(Path(paths.best(run_folder), paths.DIGEST), "origin", "epoch")
    return None not in (chosen, aside) and chosen != aside


def _number(file: Path, *keys: str) -> int | None:
    """A number in a JSON file; None if file or number is missing or damaged."""
    try:
        value = read_json(file)
    except LetheError:
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) else None
