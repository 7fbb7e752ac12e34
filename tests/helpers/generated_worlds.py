"""Making small generated worlds against the test service."""

from pathlib import Path

from helpers.service import MODEL
from lethe.world.generated.run import make
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import Cohort

LISTS = {"birthplaces": 12, "genres": 4, "occupations": 12, "titles": 5}
# On a busy machine even a quick answer may take a second.
QUICK = {"backoff": 0.02, "longest_backoff": 0.1, "timeout": 4.0}


def generation(url: str, **changes) -> Generation:
    """Settings for the service at ``url``; ``changes`` are laid over them, a level deep."""
    values = {
        "model": {"name": MODEL},
        "service": {"base_url": url, **QUICK},
        "lists": LISTS,
    }
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return Generation(**values)


def made(folder: Path, settings: Generation, target: int = 4, holdout: int = 1) -> Path:
    """The last stage's file of a world; the journal lies in ``folder``."""
    cohort = Cohort({"holdout": holdout, "target": target})
    return make(settings, {"authors": cohort}, folder / "journal.sqlite", folder)["authors"]
