"""Which checkpoints the configuration joins by lines, and whether there are such runs."""

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.pipeline import splits
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config


def seeds(config: Config, run: str, other: str) -> list[tuple[int, int]]:
    """The seeds of both ends of every line between two runs.

    They are equal, except for a run with itself: each seed with the next, the last with the first.
    """
    own = config.seeds
    if run != other:
        return [(seed, seed) for seed in own]
    if len(own) == 2:
        return [(own[0], own[1])]
    return list(zip(own, [*own[1:], own[0]], strict=True))


def check(config: Config) -> None:
    """LetheError if a pair names an unknown run, or a run twice although there is only one seed."""
    for pair in config.interpolation.pairs:
        for split in splits.of_config(config).values():
            known = ["full", *split.roles, *config.methods]
            for run in pair:
                if run not in known:
                    raise LetheError(
                        f"config: interpolation.pairs: {run} is not a run of {split.name}"
                        f"{suggest(run, known)}"
                    )
        for run in pair:
            if run in config.methods and settings.method(config, run).intervention:
                raise LetheError(
                    f"config: interpolation.pairs: {run} acts at inference time, not by "
                    "its weights alone; leave it out"
                )
        if pair[0] == pair[1] and len(config.seeds) < 2:
            raise LetheError(
                f"config: interpolation.pairs: {pair[0]} twice joins the runs of different "
                "seeds, but there is only one; list more seeds"
            )
