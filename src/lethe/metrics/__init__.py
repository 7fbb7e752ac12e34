"""Metrics: numbers from recorded items alone, one file for each metric, found by its name.

A metric is a module of this folder with ``compute(inputs) -> list[CheckpointValues]`` and literal
constants that declare what it reads, where that differs from the defaults (in brackets):

    NEEDS = ("probability",)    metric files of the same run that it reads (none)
    ORACLE = True               whether it reads the same files of the oracle too (no)
    ORACLES = ("role",)         the oracles, by role, whose files it reads too (none); computed on
                                splits that have them all
    FULL = True                 whether it reads those of the model before unlearning too (no)
    BASE = True                 whether it reads those of the base, without any author, too (no)
    RECORDS = False             whether it reads the run's records (yes)
    ORACLE_RECORDS = True       whether it reads the oracle's records too (no)
    SUITE = "tokens"            the suite of the records (``tofu``)
    SETS = ("forget",)          the sets of the records that it reads
    WITHOUT_ORACLE = True       whether it is computed even without an oracle (no)
    SETTINGS = {"variant": ("geometric", "arithmetic")}    choices; the first is the default
                                (``lethe.common.declared_settings``: also numbers and texts)
    ATTACK = "relearning"       computed only after that attack: it reads the records
                                after the attack, of the run and the oracle, and those before it
    AT_MOST = {"k": "samples"}  settings that may not exceed one of the suite's
    CHECKS = {"phrases": "lethe.common.refusals.check_phrases"}    functions that check a value

There is no list of metrics to maintain, and no metric imports another: editing one can only change
its own numbers. Nothing heavy is imported before a metric is computed.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lethe.common import declared_settings
from lethe.common.errors import LetheError
from lethe.common.registry import Registry, function, suggest


@dataclass(frozen=True)
class Contract:
    """What a metric reads, as the constants of its module declare it."""

    needs: tuple[str, ...] = ()
    oracle: bool = False
    oracles: tuple[str, ...] = ()
    full: bool = False
    records: bool = True
    oracle_records: bool = False
    suite: str = "tofu"
    sets: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    without_oracle: bool = False
    at_most: dict[str, str] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)
    attack: str = ""
    base: bool = False

    def __post_init__(self):
        for need in self.needs:
            if need not in names():
                raise LetheError(f"NEEDS: unknown metric {need!r}{suggest(need, names())}")


METRICS = Registry(__name__, "metric", Contract)
names, load, contract = METRICS.names, METRICS.load, METRICS.contract


def settings_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a metric, with defaults filled in; LetheError for one that is not allowed."""
    declared = contract(name)
    chosen = declared_settings.filled(f"metric '{name}'", declared.settings, given)
    for key, check_value in declared.checks.items():
        function(check_value)(f"metric '{name}': {key}", chosen[key])
    return chosen


def check_against_suite(name: str, given: Mapping[str, Any], of_suite: Mapping[str, Any]) -> None:
    """LetheError if a metric's settings ask for more than its suite records.

    ``given``: the metric's settings, ``of_suite``: all settings of its suite.
    """
    own, suite = settings_of(name, given), contract(name).suite
    for key, limit in contract(name).at_most.items():
        if own[key] > of_suite[limit]:
            raise LetheError(
                f"metric '{name}': {key} is {own[key]}, but suite '{suite}' has {limit} "
                f"{of_suite[limit]}; set {key} to at most {of_suite[limit]}, or {limit} to more"
            )


def compute(
    name: str,
    records=None,
    needs=None,
    oracle=None,
    full=None,
    oracle_records=None,
    before=None,
    oracle_before=None,
    oracles=None,
    base=None,
    **settings,
):
    """Compute a metric from inputs that are already in memory.

    ``records`` and ``oracle_records`` are ``lethe.evaluate.records.Records`` of the metric's suite;
    ``needs``, ``oracle``, ``full`` and ``base`` map names of metrics to ``MetricFile``; ``before``
    and ``oracle_before`` are the records before an attack; ``oracles`` maps each role to such a map
    as ``oracle``. Returns a ``MetricFile``. An unknown setting or value is a LetheError.
    """
    from lethe.metrics.base import Inputs, MetricFile

    chosen = settings_of(name, settings)
    inputs = Inputs(
        records,
        needs or {},
        oracle,
        full,
        chosen,
        oracle_records,
        before,
        oracle_before,
        base,
        oracles,
    )
    return MetricFile(name, load(name).compute(inputs), chosen)


def score(
    name: str,
    records_path: str | os.PathLike | None,
    needs_paths: Mapping[str, str | os.PathLike] | None,
    oracle_paths: Mapping[str, str | os.PathLike] | None,
    full_paths: Mapping[str, str | os.PathLike] | None,
    out: str | os.PathLike,
    oracle_records_path: str | os.PathLike | None = None,
    before_path: str | os.PathLike | None = None,
    oracle_before_path: str | os.PathLike | None = None,
    base_paths: Mapping[str, str | os.PathLike] | None = None,
    oracles_paths: Sequence[str | os.PathLike] = (),
    **settings: Any,
) -> None:
    """Compute one metric of one run from files and write its metric file.

    ``needs_paths``, ``oracle_paths``, ``full_paths`` and ``base_paths`` map names of metrics to the
    metric files of the run, the oracle, the full model and the base; files that the metric does not
    need are not read. ``oracles_paths``: the files of all needs for the first role that the metric
    names, then for the next. ``before_path`` and ``oracle_before_path``: the records before the
    attack. LetheError where a file that it needs is missing.
    """
    from lethe.metrics.base import write_metric

    wanted = contract(name)
    records = _records(name, records_path, "the run") if wanted.records else None
    oracles = None
    if wanted.oracle_records and not (wanted.without_oracle and oracle_records_path is None):
        oracles = _records(name, oracle_records_path, "the oracle")
    needs = _files(name, wanted.needs, needs_paths, "the run's")
    oracle = _files(name, wanted.needs, oracle_paths, "the oracle's") if wanted.oracle else None
    full = _files(name, wanted.needs, full_paths, "the full model's") if wanted.full else None
    base = _files(name, wanted.needs, base_paths, "the base's") if wanted.base else None
    before = _records(name, before_path, "the run before the attack") if wanted.attack else None
    theirs = _records(name, oracle_before_path, "the oracle") if wanted.attack and oracles else None
    every = _by_role(name, wanted, oracles_paths) if wanted.oracles else None
    others = {"base": base, "oracles": every}
    file = compute(
        name, records, needs, oracle, full, oracles, before, theirs, **others, **settings
    )
    write_metric(out, file)


def _records(name: str, path: str | os.PathLike | None, whose: str):
    from lethe.evaluate.records import read_records

    if path is None:
        raise LetheError(f"metric '{name}': needs the records of {whose}; name their file")
    return read_records(path)


def _by_role(name: str, wanted: Contract, paths: Sequence[str | os.PathLike]) -> dict:
    """The files of every need, by role."""
    places = [(role, need) for role in wanted.oracles for need in wanted.needs]
    if len(paths) != len(places):
        raise LetheError(f"metric '{name}': needs files of {', '.join(wanted.oracles)}; name them")
    given = dict(zip(places, paths, strict=True))
    return {
        role: _files(name, wanted.needs, {n: given[role, n] for n in wanted.needs}, f"{role}'s")
        for role in wanted.oracles
    }


def _files(name: str, wanted: tuple[str, ...], paths: Mapping | None, whose: str) -> dict:
    from lethe.metrics.base import read_metric

    missing = [need for need in wanted if need not in (paths or {})]
    if missing:
        raise LetheError(f"metric '{name}': needs {whose} {', '.join(missing)}; name the file")
    return {need: read_metric(paths[need], need) for need in wanted}
