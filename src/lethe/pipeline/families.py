"""Whether a configuration's methods, suites and probes work with its models, and they with it."""

from lethe import metrics
from lethe.analysis.audit import probe
from lethe.common.errors import LetheError
from lethe.evaluate import attack
from lethe.evaluate import suite as suites
from lethe.model import architecture
from lethe.model import families as kinds
from lethe.pipeline import external_checkpoints, requests
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.train import recipe
from lethe.unlearn.method import check_family, check_pictures
from lethe.world.provider import PROVIDERS


def of_model(config: Config, name: str) -> str:
    """The family of a model: of the checkpoints that are given for it, and of its architecture.

    LetheError if they differ. Models on the hub count as causal.
    """
    model = config.model_settings[name]
    given_ones = external_checkpoints.of_model(config, name)
    named = [(key, kinds.of_source(source)) for key, source in given_ones]
    if model.base_checkpoint is None and model.architecture is not None:
        place = f"model_settings.{name}.architecture"
        named.insert(0, (place, architecture.family(given(model.architecture), f"config: {place}")))
    for key, family in named:
        if family != named[0][1]:
            raise LetheError(
                f"config: {key}: {family}, but {named[0][0]} is {named[0][1]}; name checkpoints "
                "that were trained from the same base"
            )
    return named[0][1] if named else kinds.CAUSAL


def check(config: Config) -> None:
    """LetheError, one line, for a method, metric or other plug-in that a model cannot use."""
    for name in config.models:
        family = of_model(config, name)
        _check_methods(config, name, family)
        _check_suites(config, name, family)
        _check_recipe(config, name, family)
        _check_attacks(config, name, family)
        if has_pictures(config):
            _check_sight(config, name)
        if config.defences.pairs:
            kinds.check((kinds.CAUSAL,), family, "config: defences.pairs", name)


def has_pictures(config: Config) -> bool:
    """Whether a world's rows have pictures, made for them or brought by its provider."""
    brings = "image" in PROVIDERS.contract(config.world.provider).columns
    return brings or config.world.pictures is not None


def _check_sight(config: Config, name: str) -> None:
    """LetheError if a model reads text alone, or a method or suite does not work on pictures.

    Models on the hub are not known before they are loaded.
    """
    model = config.model_settings[name]
    place, remedy = "world.pictures", "set world.pictures to null"
    if config.world.pictures is None:
        place, remedy = "world.provider", f"a world other than {config.world.provider}"
    types = [kinds.type_of(source) for _, source in external_checkpoints.of_model(config, name)]
    own = model.base_checkpoint is None and model.architecture is not None
    blind = own and not architecture.sees(given(model.architecture))
    if blind or any(kind is not None and kind not in kinds.SEEING_TYPES for kind in types):
        raise LetheError(
            f"config: {place}: {name} reads text alone; name a model that sees "
            f"(docs/pictures.md), or {remedy}"
        )
    for listed in requests.all_methods(config):
        check_pictures(settings.method(config, listed), f"config: methods: {listed}")
    for metric in config.metrics:
        contract = metrics.contract(metric)
        if contract.records and not suites.contract(contract.suite).pictures:
            raise LetheError(
                f"config: metrics: {metric}: its suite {contract.suite} does not work on rows with "
                "pictures; leave it out"
            )


def _check_methods(config: Config, model: str, family: str) -> None:
    for listed in requests.all_methods(config):
        method = settings.method(config, listed)
        check_family(method, f"config: methods: {listed}", family, model)


def _check_suites(config: Config, model: str, family: str) -> None:
    for metric in config.metrics:
        contract = metrics.contract(metric)
        if contract.records:
            works_with = suites.contract(contract.suite).families
            kinds.check(works_with, family, f"config: metrics: {metric}", model)
    # If no probes are named, those that can be run are.
    for name in config.audit.probes or ():
        for suite in probe.contract(name).suites:
            works_with = suites.contract(suite).families
            kinds.check(works_with, family, f"config: audit.probes: {name}", model)


def _check_recipe(config: Config, model: str, family: str) -> None:
    name = config.model_settings[model].finetune.recipe["name"]
    place = f"config: model_settings.{model}.finetune.recipe: {name}"
    kinds.check(recipe.families(name), family, place, model)


def _check_attacks(config: Config, model: str, family: str) -> None:
    for listed in config.attacks:
        if attack.prompts_only(settings.attack_kind(config, listed)):
            kinds.check((kinds.CAUSAL,), family, f"config: attacks: {listed}", model)
