"""Which supervision each method gets, and whether it can be made and is enough for the method."""

from __future__ import annotations

from collections.abc import Iterator

from lethe.common.errors import LetheError
from lethe.pipeline import chains, needs, splits
from lethe.pipeline.config.config import Config
from lethe.unlearn import supervisions
from lethe.unlearn.need import MadeFile, Need, SplitFile
from lethe.unlearn.supervisions import GOLD

# The only part of a split, besides the forget set, that a made supervision has.
RETAIN = "retain"


def of_method(config: Config, name: str) -> str:
    """The supervision of a method: its own, or the shared one."""
    own = config.method_settings.get(name)
    return (own and own.supervision) or config.supervision


def settings_of(config: Config, kind: str) -> dict:
    """All settings of a kind, as plain values."""
    where = f"config: supervision_settings.{kind}"
    given = config.supervision_settings.get(kind, {})
    return supervisions.settings_of(kind, given, where).model_dump(mode="json")


def check(config: Config) -> None:
    """LetheError, one line, for an unknown kind or setting, and for runs that cannot have it."""
    supervisions.check(config.supervision, "config: supervision")
    for name, own in config.method_settings.items():
        if own.supervision is not None:
            supervisions.check(own.supervision, f"config: method_settings.{name}.supervision")
    for kind in config.supervision_settings:
        if kind not in supervisions.names():
            supervisions.settings_of(kind, {}, "config: supervision_settings")
        settings_of(config, kind)
    for name, where in _made(config):
        _check_start(config, name, where)
        for need in needs.of_method(config, name):
            _check_need(need, where)
    if config.supervisions:
        for split in splits.of_config(config).values():
            _check_split(split)


def _made(config: Config) -> Iterator[tuple[str, str]]:
    """The listed methods whose rows a model makes, and the key that says so."""
    for name in dict.fromkeys((*config.methods, *config.requests.methods)):
        if of_method(config, name) != GOLD:
            own = config.method_settings.get(name)
            named = own is not None and own.supervision is not None
            key = f"method_settings.{name}.supervision" if named else "supervision"
            yield name, f"config: {key}"


def _check_start(config: Config, name: str, where: str) -> None:
    if name in config.requests.methods:
        raise LetheError(f"{where}: {name} answers requests, which have gold rows; set it to gold")
    if chains.followed(config) or next(chains.chain(config, name, ""), None) is not None:
        raise LetheError(
            f"{where}: {name} starts from another run, but the full model made the rows; "
            "set it to gold, or leave out what it starts from"
        )


def _check_need(need: Need, where: str) -> None:
    split_part = isinstance(need.source, SplitFile) and need.source.part != RETAIN
    of_gold_rows = isinstance(need.source, MadeFile) and not need.source.by_run
    if split_part or of_gold_rows:
        raise LetheError(
            f"{where}: the method needs {need.name}, which is made from gold rows; set it to gold, "
            "or choose another method"
        )


def _check_split(split) -> None:
    if split.kind != "author_share":
        raise LetheError(
            f"config: supervision: a model is asked for all that it knows of a name, but "
            f"{split.name} ({split.kind}) forgets something else; use gold for it"
        )
