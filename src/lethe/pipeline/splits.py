"""The splits of a configuration, and whether they fit the world and each other."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce

from lethe import metrics
from lethe.analysis import pools
from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.model.encoder import template_settings
from lethe.pipeline import pictures
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.world import World
from lethe.report import figures
from lethe.unlearn.need import MadeFile
from lethe.unlearn.needs import from_source
from lethe.world import tofu_format
from lethe.world.languages.rows import FILES as LANGUAGE_FILES
from lethe.world.provider import PROVIDERS, provider
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.split import contract, split
from lethe.world.splits.base import BaseSplit

# Runs that are models, but neither methods nor oracles.
MODELS = ("base", "full", "random", *map(pools.run_of, pools.VARIANTS))
# Folders of a model that are not splits.
FOLDERS = (paths.NO_SPLIT, "base", "snapshots")
# The kinds of splits of benchmarks in a form of their own.
PUBLISHED = {PROVIDERS.contract(name).split_kind for name in PROVIDERS.names()}


def of_name(config: Config, name: str) -> BaseSplit:
    """One split, with its settings from ``split_settings`` and the pictures of its world."""
    made = split(name, config.split_settings.get(name))
    return pictures.with_pictures(made, config.world)


def of_config(config: Config) -> dict[str, BaseSplit]:
    """The listed splits by name, in their order."""
    return {name: of_name(config, name) for name in config.splits}


def other_runs(config: Config) -> list[str]:
    """The names of runs that are not methods; an oracle's is its role."""
    roles = [role for made in of_config(config).values() for role in made.roles]
    return [*_reserved(), *dict.fromkeys(roles)]


def _reserved() -> list[str]:
    """Folders of runs that are neither methods nor oracles: models, and files for methods."""
    return [*MODELS, *(need.source.run for need in from_source(MadeFile))]


def check(config: Config) -> None:
    """LetheError, one line, if a split is wrong by itself, for the world, or with another split."""
    # Settings of unlisted splits are allowed: an overlay cannot remove them.
    for name in config.split_settings:
        of_name(config, name)
    made = of_config(config)
    for one in made.values():
        _check_names(one)
        check_world(one, config.world)
    _check_files(made.values(), pictures.files(config.world))
    _check_asked(config, made.values())
    _check_given(config, made.values())
    _check_template(config)
    _check_rows(config.world, map(pictures.of_text, made.values()))


def _check_names(one: BaseSplit) -> None:
    if one.name in FOLDERS:
        raise LetheError(
            f"config: splits: {one.name} is the name of a folder of results; rename it"
        )
    taken = [role for role in one.roles if role in _reserved()]
    if taken:
        raise LetheError(
            f"split kind {one.kind}: oracle {taken[0]} has the name of another run; rename it"
        )


def _check_asked(config: Config, made: Iterable[BaseSplit]) -> None:
    """Refuse what asks about wrong answers, if a split has none."""
    asked = {
        "audit.budget": config.audit.budget,
        "interpolation.pairs": config.interpolation.pairs,
        "defences.pairs": config.defences.pairs,
        "meta_evaluation.enabled": config.meta_evaluation.enabled,
        "checkpoints.keep": config.checkpoints.keep == "best",
        "best_epoch.stop": config.best_epoch.stop,
    }
    for one in made:
        for key, wanted in asked.items():
            if wanted and "forget_perturbed" not in one.files:
                raise LetheError(
                    f"config: {key}: asks for paraphrases and wrong answers, and the rows of "
                    f"{one.name} have none; leave it out"
                )


def _check_given(config: Config, made: Iterable[BaseSplit]) -> None:
    """Refuse non-members of a benchmark on which a checkpoint from elsewhere may be trained."""
    for one in made:
        if one.kind not in PUBLISHED or "holdout" not in one.files:
            continue
        for model in config.models:
            if config.model_settings[model].full_checkpoint is not None:
                raise LetheError(
                    f"config: split_settings.{one.name}.nonmembers: the full_checkpoint of {model} "
                    "may have learned these documents, which are published with the others; set "
                    "it to false, and leave out what asks about them"
                )


def _check_template(config: Config) -> None:
    """Refuse to learn texts in a template in which they are not asked."""
    if not PROVIDERS.contract(config.world.provider).plain_text:
        return
    for model in config.models:
        if template_settings(settings.model_value(config, model, "template")).name != "plain":
            raise LetheError(
                f"config: model_settings.{model}.template: {config.world.provider} asks how plain "
                "texts go on, so they must be learned as such; set it to plain"
            )


def check_world(one: BaseSplit, world: World) -> None:
    """LetheError, one line, if the world does not have what a split needs."""
    one = pictures.of_text(one)
    _check_form(one, world)
    rows, holdout = one.rows(world.authors), holdout_authors(one, world.authors)
    # A split may have its own retain probes instead of the world's first authors, or none.
    own = "retain_perturbed" in one.files
    cut = "retain_perturbed" in contract(one.kind).reads
    if (cut or not own) and "forget_perturbed" in one.files:
        _check_retained(one, _untouched(one, rows, world.authors), world.perturbed_retain_authors)
    brings = PROVIDERS.contract(world.provider).own_holdout
    if not brings and holdout > world.holdout_authors:
        raise LetheError(
            f"config: world.holdout_authors: {world.holdout_authors} are fewer than the "
            f"{holdout} authors of {one.name}; raise it"
        )


def _check_form(one: BaseSplit, world: World) -> None:
    """Rows of a benchmark in a form of its own are cut by the kind for these, all others not."""
    declared = PROVIDERS.contract(world.provider)
    own = bool(declared.columns)
    if one.kind == declared.split_kind if own else one.kind not in PUBLISHED:
        return
    if own:
        kind = declared.split_kind
        raise LetheError(
            f"config: splits: {one.name}: the world {world.provider} has only the split that it "
            f"publishes; list {contract(kind).example or f'one of the kind {kind}'}"
        )
    raise LetheError(
        f"config: splits: {one.name} is what a benchmark publishes, and the rows of "
        f"{world.provider} do not say their part; list another kind of split"
    )


def _check_rows(world: World, made: Iterable[BaseSplit]) -> None:
    """Let kinds that depend on rows check them, if the rows are known before any job."""
    asking = [one for one in made if type(one).check_rows is not BaseSplit.check_rows]
    declared = PROVIDERS.contract(world.provider)
    # A benchmark in a form of its own is on no hub, which its provider says.
    on_the_hub = "path" in declared.settings and world.path is None and not declared.columns
    # Generated authors are written by jobs, and a hub is not asked at every start.
    if not asking or on_the_hub or world.provider == "generated":
        return
    chosen = {key: getattr(world, key) for key in declared.settings} | world.chunks
    with _quiet():
        source = provider(world.provider, seed=world.seed, **chosen)
        authors = source.authors(world.authors)
        holdout = source.holdout(world.holdout_authors) if declared.columns else []
    full, apart = (
        [tofu_format.qa_row(item) for author in some for item in author.items]
        for some in (authors, holdout)
    )
    asked = {
        f"{name}_perturbed": [
            tofu_format.qa_row(item) for author in some for item in author.items if item.perturbed
        ]
        for name, some in (("full", authors), ("retain", authors[: world.perturbed_retain_authors]))
    }
    for one in asking:
        one.check_rows(full)
        one.check_holdout(apart)
        with _quiet():
            one.check_asked({"full": full, **asked})
        if one.asked_apart:
            _check_apart(one, source.asked(world.authors) if declared.asks else {}, world)


def _check_apart(one: BaseSplit, made: Mapping[str, Sequence[dict]], world: World) -> None:
    """LetheError if a provider has no rows for a part that is asked and never learned."""
    for part in one.asked_apart:
        if not made.get(part):
            raise LetheError(
                f"config: split_settings.{one.name}: the world {world.provider} has no rows of "
                f"{part}; add their files at world.path, or leave tasks and cross_image out"
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings about odd rows, which the job that makes the world gives."""
    logger = logging.getLogger("lethe.world")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _untouched(one: BaseSplit, rows: dict[str, int], authors: int) -> int:
    """How many of the world's first authors are retained whole."""
    whole = rows["retain"] // max(1, len(one.languages)) // QUESTIONS_PER_AUTHOR
    touched = one.touched(authors)
    # For a kind that does not say whom it touches, the number of its rows decides.
    return whole if len(touched) == authors else min(whole, *touched)


def lacks(metric: str, one: BaseSplit) -> str | None:
    """What a split lacks for computing a metric or one that it needs; None: nothing.

    A file of rows, or an oracle.
    """
    declared = metrics.contract(metric)
    absent = [role for role in declared.oracles if role not in one.roles]
    if absent:
        return f"oracle {absent[0]}"
    if declared.records:
        known = {*one.files.values(), *tofu_format.outputs(""), *LANGUAGE_FILES}
        asked = suite.contract(declared.suite).files(one.files).values()
        missing = [file for file in asked if file not in known]
        if missing:
            return f"file {missing[0]}"
    return next(filter(None, (lacks(need, one) for need in declared.needs)), None)


def check_metrics(config: Config) -> None:
    """Refuse a metric that can be computed on none of the splits."""
    made = of_config(config).values()
    for name in config.metrics:
        missing = [lacks(name, one) for one in made]
        if missing and all(missing):
            raise LetheError(
                f"config: metrics: {name} needs the {missing[0]}, but no split has such a part "
                "or role; leave it out, or list a split of a kind that has it"
            )


def shares(config: Config) -> dict[str, float]:
    """The share of all facts that each split forgets, of splits that retain all the others."""
    authors = config.world.authors
    everyone, by_split = authors * QUESTIONS_PER_AUTHOR, {}
    for name, one in of_config(config).items():
        rows = pictures.of_text(one).rows(authors)
        # Of other kinds, such as shares of a behaviour, only the rows themselves tell how many.
        if rows["forget"] + rows["retain"] == everyone:
            by_split[name] = rows["forget"] / everyone
    return by_split


def _check_shares(config: Config, figure: str) -> None:
    """Refuse a figure of shares if no split has one, or if two have the same."""
    by_share = {}
    for name, share in shares(config).items():
        if share in by_share:
            raise LetheError(
                f"config: figures: {figure} compares shares, and the splits {by_share[share]} and "
                f"{name} forget the same; leave one of them or {figure} out"
            )
        by_share[share] = name
    if not by_share:
        raise LetheError(
            f"config: figures: {figure} compares splits that forget a share of the facts and "
            f"retain all others, and splits has none; list some, or leave {figure} out"
        )


def check_figures(config: Config) -> None:
    """Refuse a figure of a metric that is not listed, or of what the configuration lacks."""
    for figure in config.figures:
        for key in figures.only_with(figure):
            if not reduce(getattr, key.split("."), config):
                raise LetheError(
                    f"config: figures: {figure} shows what {key} adds; set it, or leave {figure} "
                    "out of figures"
                )
        for name in figures.scores_of(figure):
            if name not in config.metrics:
                raise LetheError(
                    f"config: figures: {figure} shows {name}; add it to metrics, or leave "
                    f"{figure} out of figures"
                )
        if figures.compares_shares(figure):
            _check_shares(config, figure)


def holdout_authors(one: BaseSplit, authors: int) -> int:
    """How many holdout authors a split needs."""
    return -(-pictures.of_text(one).rows(authors)["holdout"] // QUESTIONS_PER_AUTHOR)


def _check_retained(one: BaseSplit, retained: int, perturbed: int) -> None:
    if perturbed > retained:
        raise LetheError(
            f"config: world.perturbed_retain_authors: {perturbed} are "
            f"more than the {retained} authors that {one.name} retains; lower it"
        )


def _check_files(splits: Iterable[BaseSplit], more: Iterable[str]) -> None:
    """Refuse a file that belongs to two splits, or to a split and the world.

    ``more``: files that only some worlds have.
    """
    of_world = (*tofu_format.outputs(""), "background", *LANGUAGE_FILES, *more)
    owners = dict.fromkeys(of_world, "the world")
    for one in splits:
        for file in one.files.values():
            if file in owners:
                raise LetheError(
                    f"config: splits: {one.name} and {owners[file]} have files of the same name, "
                    f"{file}.json; rename the split"
                )
            owners[file] = one.name
