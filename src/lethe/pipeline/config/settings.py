"""Looking up the settings of a method, of an attack, of an evaluation."""

from collections.abc import Iterable, Sequence
from typing import Any

from lethe.evaluate import attack, suite
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.evaluation import OFFICIAL_ITEMS
from lethe.pipeline.config.keys import given
from lethe.pipeline.config.methods import AttackSettings, ConfiguredMethod
from lethe.unlearn import methods
from lethe.unlearn.method import Method, MethodSettings


def method_class(config: Config, name: str) -> str:
    """The file behind a method's name: its own, or ``method_settings.NAME.method``."""
    return _of_method(config, name).method or name


def method(config: Config, name: str) -> Method:
    """A method with all its settings: its class's defaults, the shared protocol, its own.

    Methods without training (``lethe.unlearn.one_shot``) take nothing from the protocol.
    """
    own = _of_method(config, name).own()
    cls = methods.load(method_class(config, name))
    where = f"method_settings.{name}" if own else "unlearning"
    shared = given(config.unlearning) if issubclass(cls.settings_class, MethodSettings) else {}
    return cls({**shared, **own}, where)


def method_settings(config: Config, name: str) -> dict[str, Any]:
    """All settings of a method, as plain values."""
    return method(config, name).settings.model_dump(mode="json")


def attack_kind(config: Config, name: str) -> str:
    """The file behind an attack's name: its own, or ``attack_settings.NAME.attack``."""
    return _of_attack(config, name).attack or name


def attack_before(config: Config, name: str) -> str | None:
    """The attack that precedes another; None: the run itself is attacked."""
    return _of_attack(config, name).of


def attack_settings(config: Config, name: str) -> dict[str, Any]:
    """All settings of an attack, as plain values."""
    own, kind = _of_attack(config, name).own(), attack_kind(config, name)
    return attack.settings_of(kind, own, f"attack_settings.{name}").model_dump(mode="json")


def suite_settings(config: Config, name: str) -> dict[str, Any]:
    """All settings of a suite; none for most."""
    return suite.settings_of(name, config.suite_settings.get(name, {}))


def attacked_runs(config: Config, oracles: Sequence[str]) -> list[str]:
    """The runs whose last checkpoint is attacked: the controls, then methods.

    ``oracles`` are the runs of a split's oracles.
    """
    chosen = config.attack_methods
    return ["full", *oracles, *(config.methods if chosen is None else chosen)]


def model_value(config: Config, model: str, key: str) -> Any:
    """The value of a key of a model's settings, as plain values."""
    return given(config.model_settings[model]).get(key)


def items_of(config: Config, sets: Iterable[str]) -> dict[str, int]:
    """The largest number of items of each set that are probed."""
    items = config.evaluation.items
    return {
        name: items if isinstance(items, int) else getattr(items, name, OFFICIAL_ITEMS)
        for name in sets
    }


def most_of_suite(config: Config, name: str) -> dict[str, int | None]:
    """The largest number of items of each of a suite's sets; None: all, if it must ask all."""
    declared = suite.contract(name)
    return dict.fromkeys(declared.sets) if declared.whole else items_of(config, declared.sets)


def _of_method(config: Config, name: str) -> ConfiguredMethod:
    return config.method_settings.get(name, ConfiguredMethod())


def _of_attack(config: Config, name: str) -> AttackSettings:
    return config.attack_settings.get(name, AttackSettings())
