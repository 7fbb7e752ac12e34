"""The languages of a configuration: which they are, and whether the rest fits them."""

from pathlib import Path

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate import suite as suites
from lethe.pipeline import requests, splits
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.world import World
from lethe.world.languages import OWN
from lethe.world.languages.by_rule import RULES
from lethe.world.languages.rows import TRANSLATED_FIELDS, Translations
from lethe.world.provider import PROVIDERS
from lethe.world.rows import read_qa

FILE = "translations.json"
WHERE = "config: world.languages"


def of_base(world: World) -> list[str]:
    """The languages besides L0 that a base trained here learns to write."""
    if world.languages.base is not None:
        return list(world.languages.base)
    return world.languages.names if _translator(world) == "rule" else []


def fields(world: World) -> tuple[str, ...]:
    """Fields that perturbed rows have besides the usual ones."""
    return TRANSLATED_FIELDS if world.languages.names else ()


def source(world: World) -> Path | None:
    """The file with the translations of a world that brings them; None for others."""
    own = _translator(world) == "file" and world.languages.names and world.path is not None
    return Path(world.path) / FILE if own else None


def _translator(world: World) -> str:
    return PROVIDERS.contract(world.provider).languages


def check(config: Config) -> None:
    """LetheError, one line, for languages that do not exist or do not fit the rest."""
    world = config.world
    if world.languages.names:
        _check_names(world)
        _check_source(world)
        if world.traces is not None:
            raise LetheError(
                f"{WHERE}: a world with reasoning traces has one language; set world.traces to "
                "null, or world.languages to {}"
            )
        if config.meta_evaluation.enabled:
            raise LetheError(
                "config: meta_evaluation: the models of its pools would learn only the languages "
                "that are given; set enabled to false, or world.languages to {}"
            )
    elif world.languages.base:
        raise LetheError(f"{WHERE}.base: names a language, but learned and holdout name none")
    for split in (*splits.of_config(config).values(), *requests.of_config(config).values()):
        _check_split(split, world)
    for metric in config.metrics:
        _check_metric(metric, world)


def _check_names(world: World) -> None:
    chosen = world.languages
    twice = [name for name in chosen.holdout if name in chosen.learned]
    if twice:
        raise LetheError(
            f"{WHERE}.holdout: {twice[0]} is among those learned as well; a hold-out language is "
            "one in which no fact is learned: take it out of one list"
        )
    if OWN in chosen.names:
        raise LetheError(
            f"{WHERE}: {OWN} is the world's own language, which is always included: leave it out"
        )
    _check_distinct(chosen.names)
    translator = _translator(world)
    if not translator:
        raise LetheError(f"{WHERE}: provider {world.provider} states facts in {OWN} alone")
    for name in chosen.names if translator == "rule" else ():
        if name not in RULES:
            raise LetheError(f"{WHERE}: unknown language {name!r}{suggest(name, RULES)}")
    for name in chosen.base or ():
        if name not in chosen.names or name not in RULES or translator != "rule":
            raise LetheError(
                f"{WHERE}.base: {name!r} is not one of this world's that are made by rule; "
                "leave it out"
            )


def _check_distinct(names: list[str]) -> None:
    """Names are parts of the names of values: none may be mistaken for another, or for a role."""
    for place, name in enumerate(names):
        if name.lower() == "holdout":
            raise LetheError(
                f"{WHERE}: {name!r} would be mistaken for the hold-out languages; give it "
                "another name"
            )
        alike = [other for other in names[:place] if other.lower() == name.lower()]
        if alike:
            raise LetheError(
                f"{WHERE}: {alike[0]!r} and {name!r} differ only in capitals; keep one"
            )


def _check_source(world: World) -> None:
    """A folder of published data brings its translations."""
    if _translator(world) != "file":
        return
    file = source(world)
    if file is None or not file.is_file():
        raise LetheError(
            f"{WHERE}: {file or 'the hub'}: no translations; set world.path to a folder that has "
            f"{FILE} (docs/languages.md), or world.languages to {{}}"
        )
    known = Translations(read_qa(file), str(file)).languages
    for name in world.languages.names:
        if name not in known:
            raise LetheError(f"{WHERE}: {file} has no language {name!r}{suggest(name, known)}")


def _check_split(split, world: World) -> None:
    chosen = world.languages
    if not chosen.names:
        if split.languages:
            raise LetheError(
                f"config: splits: {split.name} is for several languages, but the world has only "
                f"{OWN}; name others in world.languages.learned"
            )
        return
    if not split.languages:
        raise LetheError(
            f"config: splits: the oracle of {split.name} would learn {OWN} alone, but full "
            f"learns {', '.join([OWN, *chosen.learned])}; take a split such as forget10_in_{OWN}"
        )
    for name in split.languages:
        if name in chosen.holdout:
            raise LetheError(
                f"config: splits: {split.name} gives {name}, a hold-out language, to the "
                "unlearner; move it to world.languages.learned"
            )
        if name not in (OWN, *chosen.learned):
            known = suggest(name, [OWN, *chosen.learned])
            raise LetheError(f"config: splits: {split.name}: unknown language {name!r}{known}")


def _check_metric(name: str, world: World) -> None:
    contract = metrics.contract(name)
    if not contract.records or world.languages.names:
        return
    if "forget_languages" in suites.contract(contract.suite).sets.values():
        raise LetheError(
            f"config: metrics: {name} is for several languages, but the world has only {OWN}; "
            "name others in world.languages"
        )
