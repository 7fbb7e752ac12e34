"""What the methods of a configuration need, and whether its world, splits and runs have it."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from lethe.common.errors import LetheError
from lethe.model.interventions import changes_questions
from lethe.pipeline import chains, requests, splits, states
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.unlearn.files import in_folder
from lethe.unlearn.need import BaseCheckpoint, MadeFile, Need, PreviousStart, SplitFile, WorldFile
from lethe.unlearn.needs import chosen, from_source
from lethe.world.splits.base import BaseSplit


def of_method(config: Config, name: str) -> list[Need]:
    """The needs of a run, including those of its retain term and wrappers."""
    place = f"method {settings.method_class(config, name)}: needs"
    return chosen(settings.method(config, name).needs, place)


def options(config: Config, need: Need) -> dict[str, Any]:
    """The arguments of a made file's maker that the configuration has, as plain values."""
    values = config.model_dump(mode="json")
    return {name: _value(values, key, need) for name, key in need.source.options.items()}


def _value(values: dict[str, Any], key: str, need: Need) -> Any:
    for part in key.split("."):
        if part not in values:
            raise LetheError(f"need {need.name}: no key {key} in the configuration; name another")
        values = values[part]
    return values


def check(config: Config) -> None:
    """LetheError, one line, if a method names an unknown need, or one that cannot be met."""
    for need in from_source(MadeFile):
        options(config, need)
    # Methods with settings may be trials or runs of the paper's exhibits without being listed.
    for name in {**dict.fromkeys(config.methods), **config.method_settings}:
        needs = of_method(config, name)
        if name in config.methods:
            for need in needs:
                _check_source(config, name, need, splits.of_config(config).values())
    for name in config.requests.methods:
        for need in of_method(config, name):
            _check_source(config, name, need, requests.of_config(config).values())


def check_prompts(config: Config) -> None:
    """LetheError for a metric that cannot be had of a method with text of its own before questions.

    Only those that a suite holds against a model which reads the very same tokens.
    """
    for metric in filter(states.same_prompts, config.metrics):
        for name in requests.all_methods(config):
            if changes_questions(settings.method(config, name).intervention):
                raise LetheError(
                    f"config: metrics: {metric} compares models that read the same tokens, and "
                    f"{name} puts text of its own before questions; leave one of the two out"
                )


def _check_source(config: Config, name: str, need: Need, asked: Iterable[BaseSplit]) -> None:
    match need.source:
        case SplitFile() | WorldFile():
            for split in asked:
                _check_file(name, need, split)
        case PreviousStart():
            _check_previous(config, name)
        case BaseCheckpoint():
            _check_snapshot(config, name, need.source.setting)


def _check_file(name: str, need: Need, split) -> None:
    try:
        in_folder(need.source, "", split)
    except LetheError as error:
        raise LetheError(f"config: methods: {name} needs {need.name}: {error}") from None


def _check_previous(config: Config, name: str) -> None:
    if next(chains.chain(config, name, ""), None) is None:
        raise LetheError(
            f"config: method_settings.{name}.previous_run: missing; its wrapper compares with "
            "the previous run: name one"
        )


def base_or(config: Config, name: str, setting: str) -> int | str:
    """What a run uses as the base: ``base``, the percentage of a snapshot, or another place."""
    return getattr(settings.method(config, name).settings, setting, "base")


def _check_snapshot(config: Config, name: str, setting: str) -> None:
    chosen_one = base_or(config, name, setting)
    if not isinstance(chosen_one, int):
        return
    where = f"config: method_settings.{name}.{setting}: "
    if chosen_one not in config.snapshots:
        raise LetheError(f"{where}there is no snapshot {chosen_one}; add it to snapshots")
    for model in config.models:
        if config.model_settings[model].base_checkpoint is not None:
            raise LetheError(
                f"{where}the base of {model} is given, so it has no snapshots; name one"
            )


def named_checkpoints(config: Config) -> Iterator[tuple[str, str]]:
    """``(key, place)`` of each checkpoint that a method's settings name in place of the base."""
    keys = {need.source.setting for need in from_source(BaseCheckpoint)}
    for name, given in config.method_settings.items():
        for key, value in given.own().items():
            if key in keys and isinstance(value, str) and value != "base":
                yield f"method_settings.{name}.{key}", os.path.expanduser(value)
