"""Searches whose trials are proposed from the results of others, batch by batch.

The jobs of such a chain are known before any runs: one proposes a batch from the metric files of
the trials before and writes what each is to be, a trial reads its part of that file. Only what a
trial is, its method among it, is decided on the way.
"""

from dataclasses import dataclass
from typing import Any

from lethe.common.errors import LetheError
from lethe.pipeline import strategies, supervisions
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.pipeline.search_points import Dimension, Space
from lethe.pipeline.strategy import Strategy
from lethe.unlearn import methods
from lethe.unlearn.method import Method, MethodSettings
from lethe.unlearn.need import Checkpoint
from lethe.unlearn.needs import chosen
from lethe.unlearn.search_space import Choice, declared

RANDOM = "random"
EPOCHS, WRAPPERS = "epochs", "wrappers"


@dataclass(frozen=True)
class Chain:
    """One search: ``name`` begins those of its trials, ``methods`` are what they choose from."""

    name: str
    methods: tuple[str, ...]
    strategy: str
    repeat: int = 0

    @property
    def start(self) -> str:
        """The method that is the first trial, as it is configured."""
        return self.methods[0]

    def trial(self, number: int) -> str:
        """The name of a trial after the first, which all chains from the same method share."""
        return f"{self.name}_trial{number}"


@dataclass(frozen=True)
class Batch:
    """The trials that are proposed together: their names, and all names before them."""

    number: int
    trials: tuple[str, ...]
    before: tuple[str, ...]


def proposes(config: Config) -> bool:
    """Whether trials of ``search.methods`` are proposed in batches, not all drawn at once."""
    search = config.search
    return search.strategy != RANDOM or bool(search.epochs or search.wrappers)


def of_config(config: Config) -> list[Chain]:
    """All chains of a configuration: of single methods, then of a study."""
    search, chains = config.search, []
    if proposes(config):
        chains += [Chain(method, (method,), search.strategy) for method in search.methods]
    return chains + study(config)


def study(config: Config) -> list[Chain]:
    """The chains of a study, strategy by strategy."""
    search = config.search
    return [
        Chain(f"{strategy}_r{repeat}", tuple(search.over), strategy, repeat)
        for strategy in (search.strategies if search.over else ())
        for repeat in range(search.repeats)
    ]


def first_trial(config: Config, method: str) -> str:
    """The name of a method's trial as configured: its own run, if there is one."""
    return method if method in config.methods else f"{method}_trial0"


def trial_names(config: Config, chain: Chain) -> list[str]:
    """The names of all trials of a chain."""
    later = [chain.trial(number) for number in range(1, config.search.trials)]
    return [first_trial(config, chain.start), *later]


def batches(config: Config, chain: Chain) -> list[Batch]:
    """The batches of a chain; the first trial belongs to none."""
    names, size = trial_names(config, chain), config.search.batch
    return [
        Batch(number, tuple(names[begin : begin + size]), tuple(names[:begin]))
        for number, begin in enumerate(range(1, len(names), size), 1)
    ]


def option_names(config: Config, chain: Chain) -> list[str]:
    """What trials of a chain may be: each method, with each choice of wrappers."""
    return [name for method in chain.methods for name in _options(config, method)]


def _options(config: Config, method: str) -> dict[str, dict[str, Any]]:
    own = given(config.method_settings[method]) if method in config.method_settings else {}
    own = {**own, "method": settings.method_class(config, method)}
    own_options = {f"{method}_option0": own}
    if _trained(config, method):
        for number, wrappers in enumerate(config.search.wrappers, 1):
            own_options[f"{method}_option{number}"] = {**own, WRAPPERS: wrappers}
    return own_options


def options(config: Config) -> dict[str, dict[str, Any]]:
    """``method_settings`` of all options, by name: what rules read the needs of trials from."""
    methods = dict.fromkeys(method for chain in of_config(config) for method in chain.methods)
    every = {}
    for method in methods:
        every |= _options(config, method)
    return every


def placeholders(config: Config) -> dict[str, dict[str, Any]]:
    """``method_settings`` of all trials that are yet to be proposed, by name.

    A trial leaves one checkpoint, as of a method with one epoch.
    """
    awaited = {}
    for chain in of_config(config):
        trained = next((m for m in chain.methods if _trained(config, m)), None)
        stands_for = {"method": settings.method_class(config, trained or chain.start)}
        if trained:
            stands_for |= {EPOCHS: 1}
        for name in trial_names(config, chain)[1:]:
            check_free(config, name)
            awaited[name] = stands_for
    return awaited


def check_free(config: Config, name: str) -> None:
    """LetheError if a trial's name is that of a method of the configuration."""
    if name in {*config.methods, *config.method_settings}:
        raise LetheError(f"config: search: {name} is a trial's name; rename that method")


def check(config: Config) -> None:
    """LetheError, one line, for a chain that cannot be proposed or run."""
    search = config.search
    if search.strategies and not search.over:
        raise LetheError(
            "config: search.strategies: no methods to search; list them in search.over"
        )
    if search.over and not search.strategies:
        raise LetheError(
            "config: search.over: no strategies search these methods; list some in "
            "search.strategies, or list the methods in search.methods"
        )
    for name in (search.strategy, *search.strategies, *search.strategy_settings):
        strategies.load(name, search.strategy_settings.get(name), "config: search.strategy")
    for number, wrappers in enumerate(search.wrappers):
        if wrappers in search.wrappers[:number]:
            raise LetheError(f"config: search.wrappers: {wrappers} is listed twice; keep one")
    placeholders(config)
    if config.checkpoints.keep == "best" and of_config(config):
        raise LetheError(
            "config: checkpoints.keep: best chooses among epochs, but trials that are proposed "
            "leave their last alone; choose all, last or none"
        )
    for chain in of_config(config):
        for method in chain.methods:
            _check_method(config, method, chain)
        chosen = strategy_of(config, chain)
        chosen.check(space(config, chain), f"config: search: {chain.name}")


def _check_method(config: Config, method: str, chain: Chain) -> None:
    own = config.method_settings.get(method)
    if own is not None and own.previous_run is not None:
        raise LetheError(
            f"config: search: {method} starts from another run, which a trial that is yet to be "
            "proposed cannot; leave it out"
        )
    if len({supervisions.of_method(config, one) for one in chain.methods}) > 1:
        raise LetheError(
            f"config: search: methods of {chain.name} have different supervision; give them one"
        )
    for name, option in _options(config, method).items():
        try:
            tried = settings.method(config.with_methods({name: option}), name)
        except LetheError as error:
            # An option has a name that only the rules know.
            said = str(error).replace(f"method_settings.{name}.", f"search, {method}: ")
            raise LetheError(f"config: {said}") from None
        _check_needs(method, tried)
        for epochs in config.search.epochs if _trained(config, method) else ():
            tried.changed(epochs=epochs)


def _check_needs(method: str, tried: Method) -> None:
    for need in chosen(tried.needs):
        if isinstance(need.source, Checkpoint):
            raise LetheError(
                f"config: search: {method} needs {need.name}, another checkpoint, which a trial "
                "that is yet to be proposed cannot have; leave it out"
            )


def strategy_of(config: Config, chain: Chain) -> Strategy:
    """A chain's strategy with its settings."""
    own = config.search.strategy_settings.get(chain.strategy, {})
    return strategies.load(chain.strategy, own, "config: search.strategy")


def space(config: Config, chain: Chain) -> Space:
    """What the trials of a chain choose from."""
    return Space({method: _dimensions(config, method) for method in chain.methods})


def _dimensions(config: Config, method: str) -> dict[str, Dimension]:
    configured = settings.method(config, method).settings
    dimensions = {
        name: Dimension(entry, getattr(configured, name))
        for name, entry in declared(type(configured)).items()
    }
    if not _trained(config, method):
        return dimensions
    search = config.search
    if search.epochs:
        # The configured number is among them, so that the first trial is a point of the space.
        numbers = sorted({*search.epochs, configured.epochs})
        dimensions[EPOCHS] = Dimension(Choice(tuple(numbers)), configured.epochs)
    if search.wrappers:
        dimensions[WRAPPERS] = Dimension(
            Choice((configured.wrappers, *search.wrappers)), configured.wrappers
        )
    return dimensions


def _trained(config: Config, method: str) -> bool:
    """Whether a method has a schedule, and so epochs and wrappers."""
    cls = methods.load(settings.method_class(config, method))
    return issubclass(cls.settings_class, MethodSettings)
