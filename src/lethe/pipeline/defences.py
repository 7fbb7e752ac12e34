"""The runs of a configuration's pairs of defences, and whether they can be made."""

from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.pipeline import splits
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.report import figures
from lethe.unlearn import defences, tuning
from lethe.unlearn.defence import CONFLICT, FREE, RANDOM, Defence, halved
from lethe.unlearn.method import Method

WRAPPER = "conflict_freezing"


@dataclass(frozen=True)
class Run:
    """A defence alone (``second`` is None), or the second of a pair, after the first.

    ``freezing``: which layers the second leaves as they are.
    """

    first: str
    second: str | None = None
    freezing: str = FREE

    @property
    def name(self) -> str:
        """The run's name in paths."""
        if self.second is None:
            return self.first
        return "_".join(filter(None, [self.first, "then", self.second, self.freezing]))

    @property
    def last(self) -> str:
        """The defence that the run trains."""
        return self.second or self.first


def pairs(config: Config) -> list[Run]:
    """Every pair, and after it those with frozen layers."""
    own = config.defences
    ordered = []
    for pair in own.pairs:
        kinds = (FREE, CONFLICT, RANDOM) if pair in own.freeze else (FREE,)
        ordered += [Run(*pair, kind) for kind in kinds]
    return ordered


def runs(config: Config) -> dict[str, Run]:
    """Every run by its name: the defences that come first, alone, and the pairs."""
    alone = [Run(pair[0]) for pair in config.defences.pairs]
    return {run.name: run for run in [*alone, *pairs(config)]}


def names(config: Config) -> list[str]:
    """The defences that occur in a pair."""
    return list(dict.fromkeys(name for pair in config.defences.pairs for name in pair))


def kind(config: Config, name: str) -> str:
    """The file behind a defence's name: its own, or ``defences.settings.NAME.defence``."""
    own = config.defences.settings.get(name)
    return (own and own.defence) or name


def defence(config: Config, name: str, freezing: str = FREE) -> Defence:
    """A defence with all its settings; with ``freezing``, its training freezes layers."""
    place = f"config: defences.settings.{name}"
    own = config.defences.settings.get(name)
    settings = own.own() if own else {}
    if freezing:
        wrapper = {**config.defences.freezing, "choice": freezing}
        settings["wrappers"] = {**settings.get("wrappers", {}), WRAPPER: wrapper}
    return defences.load(kind(config, name), settings, given(config.unlearning), place)


def trained(config: Config, run: Run) -> Method:
    """The method that trains a run, with all its settings."""
    return defence(config, run.last, run.freezing).method


def method_of(config: Config, run: Run) -> str:
    """The name of that method, as ``lethe.unlearn.defence.method_named`` takes it."""
    method = type(trained(config, run))
    return "" if method is tuning.Method else method.__module__.rpartition(".")[2]


def check(config: Config) -> dict[str, Method]:
    """LetheError, one line, if pairs cannot be made; returns the methods of the runs by name."""
    own = config.defences
    for name in own.settings:
        _check_kind(config, name)
        defence(config, name)
    for name in config.figures:
        if not own.pairs and name in figures.names() and "defences" in figures.reads(name):
            raise LetheError(
                f"config: figures: {name} shows pairs of defences; list defences.pairs"
            )
    if not own.pairs:
        if own.freeze:
            raise LetheError("config: defences.freeze: its pairs are not among pairs; add them")
        return {}
    _check_split(config)
    _check_pairs(config)
    _check_names(config)
    _check_models(config)
    if config.world.traces is not None:
        raise LetheError(
            "config: defences: risks are measured without reasoning traces; set world.traces to "
            "null, or leave the pairs out"
        )
    return {run.name: trained(config, run) for run in runs(config).values()}


def _check_kind(config: Config, name: str) -> None:
    known = defences.names()
    if kind(config, name) not in known:
        where = "settings" if name in config.defences.settings else "pairs"
        raise LetheError(
            f"config: defences.{where}: {kind(config, name)!r} is not a defence"
            f"{suggest(kind(config, name), [*known, *config.defences.settings])}"
        )


def _check_split(config: Config) -> None:
    name = config.defences.split
    if name not in config.splits:
        raise LetheError(
            f"config: defences.split: {name if name else 'null'} is not among splits; name one"
        )
    rows = splits.of_name(config, name).rows(config.world.authors)["forget"]
    halved(rows, f"config: defences.split: {name}")


def _check_pairs(config: Config) -> None:
    own = config.defences
    for name in names(config):
        _check_kind(config, name)
        defence(config, name)
    for place, listed in (("pairs", own.pairs), ("freeze", own.freeze)):
        for pair in listed:
            words = " then ".join(pair)
            if pair[0] == pair[1]:
                raise LetheError(f"config: defences.{place}: {words}: one defence twice; name two")
            if listed.count(pair) > 1:
                raise LetheError(f"config: defences.{place}: {words} is listed twice; keep one")
            if pair not in own.pairs:
                raise LetheError(f"config: defences.freeze: {words} is not among pairs; add it")


def _check_names(config: Config) -> None:
    """No run of a defence may have the name of another run of its split, nor two pairs one name."""
    alone = dict.fromkeys(pair[0] for pair in config.defences.pairs)
    all_runs = [*alone, *(run.name for run in pairs(config))]
    taken = [*splits.other_runs(config), *config.methods, *config.method_settings]
    for name in all_runs:
        if name in taken or all_runs.count(name) > 1:
            raise LetheError(
                f"config: defences: {name} is the name of another run; give the defence another "
                "name, and its file by defences.settings.NAME.defence"
            )


def _check_models(config: Config) -> None:
    for name in config.models:
        if config.model_settings[name].lora is not None:
            raise LetheError(
                f"config: defences: compares whole weights, but {name} trains adapters; set "
                f"model_settings.{name}.lora to null, or leave the pairs out"
            )
