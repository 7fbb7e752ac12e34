"""The pictures of a configuration's world, and whether the rest fits them."""

from collections.abc import Iterable

from lethe.common.errors import LetheError
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import items_of
from lethe.pipeline.config.settings import method as settings_of
from lethe.pipeline.config.world import World
from lethe.world.pictures import settings
from lethe.world.pictures.request_split import pictured
from lethe.world.pictures.rows import FILES
from lethe.world.pictures.split import Pictured
from lethe.world.provider import PROVIDERS
from lethe.world.split import split
from lethe.world.splits.base import BaseSplit


def with_pictures(one: BaseSplit, world: World) -> BaseSplit:
    """A split with the rows with pictures, if its world has any and the kind can have them."""
    if world.pictures is None or one.kind not in (*settings.SPLIT_KINDS, settings.REQUEST_KIND):
        return one
    return pictured(one, world.pictures, world.perturbed_retain_authors)


def of_text(one: BaseSplit) -> BaseSplit:
    """The split of the rows of text alone."""
    return one.source if isinstance(one, Pictured) else one


def files(world: World) -> tuple[str, ...]:
    """The files of rows of a world with pictures; none in other worlds."""
    return FILES if world.pictures is not None else ()


def check(config: Config) -> None:
    """LetheError, one line, for what a world with pictures cannot have."""
    world = config.world
    _check_methods(config)
    if world.pictures is None:
        return
    people = world.authors + world.holdout_authors
    columns = PROVIDERS.contract(world.provider).columns
    settings.check(world.pictures, people, world.provider, columns)
    refused = {
        "world.traces": world.traces,
        "world.languages": world.languages.names,
        "defences.pairs": config.defences.pairs,
        "meta_evaluation.enabled": config.meta_evaluation.enabled,
    }
    for key, value in refused.items():
        if value:
            raise LetheError(
                f"config: {key}: not for a world with pictures; leave it out, or set "
                "world.pictures to null"
            )
    for name in config.splits:
        made = split(name, config.split_settings.get(name))
        _check_kind(made)
        _check_items(with_pictures(made, world), config)


def _check_methods(config: Config) -> None:
    """Refuse what works on pictures alone in a world without them."""
    world = config.world
    if world.pictures is not None or "image" in PROVIDERS.contract(world.provider).columns:
        return
    for name in dict.fromkeys((*config.methods, *config.requests.methods)):
        if settings_of(config, name).needs_pictures:
            raise LetheError(
                f"config: methods: {name} works on pictures, and the world has none; set "
                "world.pictures, or leave it out"
            )


def check_requests(made: Iterable[BaseSplit], config: Config) -> None:
    """LetheError, one line, if a sequence's evaluation would leave out rows with pictures."""
    for one in made:
        if isinstance(one, Pictured):
            _check_items(one, config)


def _check_kind(one: BaseSplit) -> None:
    if one.kind not in settings.SPLIT_KINDS:
        raise LetheError(
            f"config: splits: {one.name}: a split of the kind {one.kind} has no rows with "
            f"pictures; list one of the kinds {', '.join(settings.SPLIT_KINDS)}, or set "
            "world.pictures to null"
        )


def _check_items(one: BaseSplit, config: Config) -> None:
    """Refuse a limit that leaves only rows of text, which come first."""
    counts = one.rows(config.world.authors)
    for kind, most in items_of(config, ("forget", "retain")).items():
        rows = counts[f"{kind}_perturbed"]
        if most < rows:
            raise LetheError(
                f"config: evaluation.items: {most} of {rows} {kind} rows of {one.name} would leave "
                f"out rows with pictures, which come last; raise it to {rows}"
            )
