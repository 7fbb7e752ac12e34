"""Runs in sequence: one that starts from another's end.

That is a run with ``method_settings.NAME.previous_run``, or one on a split that follows another.
"""

from collections.abc import Iterator

from lethe.common.errors import LetheError
from lethe.pipeline import requests, splits
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.methods import PreviousRun


def chain(config: Config, name: str, split: str) -> Iterator[tuple[str, str]]:
    """(run, split) of each run before ``name``, nearest first; empty if it starts from full.

    A previous run belongs to the same split unless it names another. A run on a request, or on a
    split that follows another, starts from the end of the same method's run on the one before.
    """
    request = requests.number(split)
    if request is not None and name in config.requests.methods:
        for before in range(request - 1, 0, -1):
            yield name, requests.name(before)
        return
    if (before := _before(config, split)) is not None:
        while before is not None:
            yield name, before
            before = _before(config, before)
        return
    while (start := _previous(config, name)) is not None:
        name, split = start.run, start.split or split
        yield name, split


def followed(config: Config) -> dict[str, str]:
    """The listed splits that follow another, and which."""
    before = {name: _before(config, name) for name in config.splits}
    return {name: one for name, one in before.items() if one is not None}


def _before(config: Config, split: str) -> str | None:
    """The split that a listed one follows, if it follows one."""
    return splits.of_name(config, split).follows if split in config.splits else None


def check(config: Config) -> None:
    """Refuse a previous run that does not exist, or a run that would precede itself."""
    _check_followed(config)
    for name in config.method_settings:
        start = _previous(config, name)
        if start is None:
            continue
        where = f"config: method_settings.{name}.previous_run"
        if not _runs(config, start.run):
            raise LetheError(f"{where}: there is no run {start.run!r}; add it to methods")
        if start.split is not None and start.split not in config.splits:
            raise LetheError(f"{where}.split: {start.split!r} is not among splits; add it")
        seen = {name}
        for before, _ in chain(config, name, ""):
            if before in seen:
                raise LetheError(f"{where}: {before} would start from its own end; change it")
            seen.add(before)


def _check_followed(config: Config) -> None:
    """Refuse a split without the one before it, and what would start its runs elsewhere."""
    for name, before in followed(config).items():
        if before not in config.splits:
            raise LetheError(
                f"config: splits: {name} starts where {before} ended, which is not among splits; "
                "add it"
            )
        for run, settings in config.method_settings.items():
            if settings.previous_run is not None:
                raise LetheError(
                    f"config: method_settings.{run}.previous_run: runs on {name} start from those "
                    f"on {before}; leave it out"
                )
        if config.search.methods or config.search.strategies:
            raise LetheError(
                f"config: search: {name} follows {before}, and trials are not for requests one "
                "after another; leave search empty, or search on another split"
            )


def _previous(config: Config, name: str) -> PreviousRun | None:
    settings = config.method_settings.get(name)
    return settings and settings.previous_run


def _runs(config: Config, name: str) -> bool:
    """Whether the run exists: a listed method, or a variant that has settings."""
    settings = config.method_settings.get(name)
    return name in config.methods or (settings is not None and settings.method is not None)
