"""Runs in sequence: one that starts from another's end (``method_settings.NAME.start``)."""

from collections.abc import Iterator, Mapping
from typing import Any

from lethe.common.errors import LetheError
from lethe.unlearn.method import Method


def chain(config: Mapping[str, Any], name: str, split: str) -> Iterator[tuple[str, str]]:
    """(run, split) of each run before ``name``, the nearest first; none: it starts from full.

    ``start`` is a run's name, or ``{run: NAME, split: SPLIT}`` if that is of another split.
    """
    while (start := _start(config, name)) is not None:
        name, split = start["run"], start.get("split", split)
        yield name, split


def check(config: Mapping[str, Any], listed: Mapping[str, Method]) -> None:
    """Every start must be a run that there is, and no run may come before itself.

    So must every checkpoint that one of the ``listed`` methods needs beside its start.
    """
    for name in config["method_settings"]:
        start = _start(config, name)
        if start is None:
            continue
        where = f"config: method_settings.{name}.start"
        if not isinstance(start, Mapping) or {*start} - {"run", "split"} or "run" not in start:
            raise LetheError(f"{where}: write a run's name, or {{run: NAME, split: SPLIT}}")
        if not _runs(config, start["run"]):
            raise LetheError(f"{where}: there is no run {start['run']!r}; add it to methods")
        if start.get("split", config["splits"][0]) not in config["splits"]:
            raise LetheError(f"{where}.split: {start['split']!r} is not among splits; add it")
        seen = {name}
        for before, _ in chain(config, name, ""):
            if before in seen:
                raise LetheError(f"{where}: {before} would start from its own end; change it")
            seen.add(before)
    for name, method in listed.items():
        _check_sources(config, name, method)


def _check_sources(config: Mapping[str, Any], name: str, method: Method) -> None:
    first = next(chain(config, name, ""), None)
    if "before" in method.needs and first is None:
        raise LetheError(
            f"config: method_settings.{name}.start: missing; its wrapper compares with the run "
            "before: name that"
        )
    prior = getattr(method.settings, "prior", "base")
    if not isinstance(prior, int):
        return
    where = f"config: method_settings.{name}.prior: "
    if prior not in config["snapshots"]:
        raise LetheError(f"{where}there is no snapshot {prior}; add it to snapshots")
    for model, given in config["model_settings"].items():
        if model in config["models"] and given["path"] is not None:
            raise LetheError(
                f"{where}the base of {model} is given, so it has no snapshots; name a checkpoint"
            )


def _start(config: Mapping[str, Any], name: str) -> Any:
    start = config["method_settings"].get(name, {}).get("start")
    return {"run": start} if isinstance(start, str) else start


def _runs(config: Mapping[str, Any], name: str) -> bool:
    """Whether there is such a run: a method that is listed, or a variant that has settings."""
    return name in config["methods"] or "method" in config["method_settings"].get(name, {})
