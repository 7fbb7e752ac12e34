"""Runs in sequence: one that starts from another's end (``method_settings.NAME.previous_run``)."""

from collections.abc import Iterator

from lethe.common.errors import LetheError
from lethe.pipeline import requests
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.methods import PreviousRun


def chain(config: Config, name: str, split: str) -> Iterator[tuple[str, str]]:
    """(run, split) of each run before ``name``, nearest first; empty if it starts from full.

    A previous run belongs to the same split unless it names another. A run on a request starts
    from the end of the same method's run on the request before.
    """
    request = requests.number(split)
    if request is not None and name in config.requests.methods:
        for before in range(request - 1, 0, -1):
            yield name, requests.name(before)
        return
    while (start := _previous(config, name)) is not None:
        name, split = start.run, start.split or split
        yield name, split


def check(config: Config) -> None:
    """Refuse a previous run that does not exist, or a run that would precede itself."""
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


def _previous(config: Config, name: str) -> PreviousRun | None:
    settings = config.method_settings.get(name)
    return settings and settings.previous_run


def _runs(config: Config, name: str) -> bool:
    """Whether the run exists: a listed method, or a variant that has settings."""
    settings = config.method_settings.get(name)
    return name in config.methods or (settings is not None and settings.method is not None)
