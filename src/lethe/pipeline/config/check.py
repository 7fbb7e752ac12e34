"""Checking a configuration before any job runs: one line names the key and the remedy.

Single keys were checked when the configuration was built. Here keys are checked against each
other, against the plug-ins that exist, and against the files that they name. Nothing heavy is
imported, because every start of the workflow passes through this module.
"""

import inspect
from collections.abc import Collection, Iterable

from lethe import metrics
from lethe.analysis.audit import probe
from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate import suite as suites
from lethe.evaluate.chat_templates import check_template
from lethe.model import architecture, fsdp, same_architecture
from lethe.model.encoder import template_settings
from lethe.pipeline import (
    certificate_format,
    chains,
    defences,
    external_checkpoints,
    families,
    harness,
    in_run,
    interpolation,
    languages,
    meta_evaluation,
    needs,
    pictures,
    recipe,
    recipes,
    requests,
    splits,
    states,
    supervisions,
)
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.pipeline.config.world import World
from lethe.report import figures
from lethe.report.figures import FIGURES
from lethe.unlearn import methods
from lethe.unlearn.method import whole_weights
from lethe.world import traces
from lethe.world.generated.settings import check_prices
from lethe.world.provider import PROVIDERS
from lethe.world.rows import QA_FIELDS
from lethe.world.tofu_format import PERTURBED_FIELDS
from lethe.world.trace_format import COLUMN

# The kind of supervision that figures of supervisions draw.
DRAWN = "graph"
# Folders in results/ that do not belong to a world.
RESERVED = ("logs", "studies", "benchmarks", "recipes")


def check(config: Config) -> None:
    """Check a configuration against the library and the files that it names."""
    PROVIDERS.check(config.world.provider, "config: world.provider")
    check_prices(config.world.generated)
    _check_methods(config)
    requests.check_methods(config)
    for model in config.models:
        _check_model(config, model)
    # Settings of unlisted attacks are allowed: an overlay cannot remove them.
    for attack in {**dict.fromkeys(config.attacks), **config.attack_settings}:
        settings.attack_settings(config, attack)
    listed = {name: settings.method(config, name) for name in requests.all_methods(config)}
    chains.check(config)
    states.check(config)
    certificate_format.check(config.lineage)
    adapted = [name for name in config.models if config.model_settings[name].lora is not None]
    trained = {**listed, **defences.check(config)}
    fsdp.check(config.compute.sharding, config.compute.processes, trained, adapted)
    _check_metrics(config)
    _check_audit(config)
    for name in config.figures:
        FIGURES.check(name, "config: figures")
        if "lineage" in figures.reads(name) and not config.lineage.enabled:
            raise LetheError(
                f"config: figures: {name} needs a lineage; set lineage.enabled to true"
            )
        if "supervisions" in figures.reads(name) and DRAWN not in config.supervisions:
            raise LetheError(
                f"config: figures: {name} needs a method with the supervision {DRAWN}; list one"
            )
    interpolation.check(config)
    harness.check(config)
    meta_evaluation.check(config)
    _check_seeds(config)
    _check_world(config.world)
    pictures.check(config)
    splits.check(config)
    requests.check(config)
    languages.check(config)
    splits.check_metrics(config)
    needs.check(config)
    needs.check_prompts(config)
    supervisions.check(config)
    families.check(config)
    in_run.check(config)
    _check_holdout(config)
    if config.world.provider == "tofu" and config.world.path is not None:
        _check_folder(config)
    # Faults of the metrics themselves are reported first.
    splits.check_figures(config)


def _check_methods(config: Config) -> None:
    variants = [name for name, own in config.method_settings.items() if own.method is not None]
    others = splits.other_runs(config)
    for name in (*config.methods, *variants):
        if name in others:
            raise LetheError(
                f"config: methods: {name} is the name of another run; give the method another "
                "name, and its file by method_settings.NAME.method"
            )
    known = sorted({*methods.names(), *config.methods})
    for name in config.method_settings:
        if name not in config.methods and settings.method_class(config, name) not in known:
            raise LetheError(f"config: method_settings.{name}: unknown name{suggest(name, known)}")
    # Settings of unlisted methods are allowed, like those of attacks.
    for name in {**dict.fromkeys(config.methods), **config.method_settings}:
        settings.method(config, name)
    for name in config.agreement.methods:
        if name not in config.methods:
            raise LetheError(
                f"config: agreement.methods: {name!r} is not among methods"
                f"{suggest(name, config.methods)}"
            )
    for name in config.attack_methods or ():
        if name not in config.methods:
            raise LetheError(
                f"config: attack_methods: {name!r} is not among methods"
                f"{suggest(name, config.methods)}"
            )


def _check_model(config: Config, name: str) -> None:
    model = config.model_settings.get(name)
    if model is None:
        raise LetheError(f"config: models: {name!r} has no settings; add model_settings.{name}")
    _check_template(config, name)
    external_checkpoints.check(config, name)
    _check_adapters(config, name)
    _check_recomputed(config, name)
    recipes.check(config, name)
    if model.base_recipe is not None:
        recipe.load(model.base_recipe, f"config: model_settings.{name}.base_recipe")
    if model.base_checkpoint is None:
        if model.architecture is None:
            raise LetheError(
                f"config: model_settings.{name}.architecture: missing; give it, or a "
                "base_checkpoint"
            )
        architecture.sizes(given(model.architecture), f"config: model_settings.{name}.architecture")


def _check_adapters(config: Config, name: str) -> None:
    if config.model_settings[name].training("unlearn")["lora"] is None:
        return
    for listed in requests.all_methods(config):
        whole = whole_weights(settings.method(config, listed), listed)
        if whole is not None:
            raise LetheError(
                f"config: methods: {whole} works on whole weights, but {name} trains adapters; "
                f"leave it out, or set model_settings.{name}.lora.stages to [finetune]"
            )


def _check_recomputed(config: Config, name: str) -> None:
    if not config.model_settings[name].training("unlearn")["gradient_checkpointing"]:
        return
    for listed in requests.all_methods(config):
        if not settings.method(config, listed).recomputable:
            raise LetheError(
                f"config: methods: {listed} masks gradients, and recomputed activations would not "
                f"be masked; leave it out, or set model_settings.{name}.gradient_checkpointing to "
                "false"
            )


def _check_template(config: Config, name: str) -> None:
    try:
        template_settings(settings.model_value(config, name, "template"))
    except LetheError as error:
        raise LetheError(f"config: model_settings.{name}.{error}") from None


def _check_metrics(config: Config) -> None:
    for name in config.metrics:
        metrics.METRICS.check(name, "config: metrics")
        for need in metrics.contract(name).needs:
            if need not in config.metrics:
                raise LetheError(f"config: metrics: {name} needs {need}; add it to the list")
        _check_chat(config, name)
        _check_alike(config, name)
        _check_attack(config, name)
    for name, chosen in config.metric_settings.items():
        metrics.METRICS.check(name, "config: metric_settings")
        metrics.settings_of(name, chosen)
    for name, chosen in config.suite_settings.items():
        suites.SUITES.check(name, "config: suite_settings")
        suites.check_settings(name, chosen)
    fields = _row_fields(config.world)
    for name in config.metrics:
        suite = metrics.contract(name).suite
        of_suite = settings.suite_settings(config, suite)
        suites.check_fields(suite, of_suite, fields)
        metrics.check_against_suite(name, config.metric_settings.get(name, {}), of_suite)


def _row_fields(world: World) -> tuple[str, ...]:
    """The fields that the rows of a world have."""
    columns = PROVIDERS.contract(world.provider).columns
    if columns:
        return (*QA_FIELDS, *columns)
    of_traces = () if world.traces is None else (COLUMN,)
    return (*PERTURBED_FIELDS, *languages.fields(world), *of_traces)


def _check_attack(config: Config, metric: str) -> None:
    """Metrics of an attack need that attack."""
    kind = metrics.contract(metric).attack
    if kind and kind not in [settings.attack_kind(config, name) for name in config.attacks]:
        raise LetheError(
            f"config: metrics: {metric} is computed after the attack {kind}; add it to attacks"
        )


def _check_chat(config: Config, metric: str) -> None:
    """Metrics of suites that give instructions need models with chat templates."""
    contract = metrics.contract(metric)
    for model in config.models if contract.records else ():
        template = template_settings(settings.model_value(config, model, "template"))
        try:
            check_template(contract.suite, template.name)
        except LetheError as error:
            raise LetheError(f"config: metrics: {metric}: {model}: {error}") from None


def _check_alike(config: Config, metric: str) -> None:
    """Metrics of suites that compare states or weights of two models need one architecture."""
    contract = metrics.contract(metric)
    compares = contract.records and suites.contract(contract.suite).reference
    for model in config.models if compares else ():
        try:
            given = [source for _, source in external_checkpoints.of_model(config, model)]
            same_architecture.check(given)
        except LetheError as error:
            raise LetheError(f"config: metrics: {metric}: {model}: {error}") from None


def _check_audit(config: Config) -> None:
    """Check the probes of an audit and their settings, even if nothing is audited."""
    audit = config.audit
    for name in (*(audit.probes or ()), *audit.settings):
        probe.PROBES.check(name, "config: audit")
    for name in audit.probes or probe.names():
        probe.settings_of(name, audit.budget or probe.BUDGETS[0], audit.settings.get(name, {}))


def _check_seeds(config: Config) -> None:
    both = {*config.seeds} & {*config.oracle_seeds}
    if both:
        raise LetheError(
            f"config: oracle_seeds: {min(both)} is one of seeds, which have oracles already; "
            "choose others"
        )


def _check_world(world: World) -> None:
    if world.name in RESERVED:
        raise LetheError(
            f"config: world.name: {world.name} has a folder of its own in results/; choose another"
        )
    if world.subset is not None:
        _check_subset(world)
    if world.chunk_words is not None and "chunk_words" not in _takes(world.provider):
        raise LetheError(
            f"config: world.chunk_words: the provider {world.provider} has no long texts; set it "
            "to null"
        )
    if world.traces is not None:
        traces.check(world.traces, world.provider)
    if world.perturbed_retain_authors > world.authors:
        raise LetheError(
            f"config: world.perturbed_retain_authors: {world.perturbed_retain_authors} are more "
            f"than the {world.authors} authors; lower it"
        )


def _takes(provider: str) -> Collection[str]:
    """The settings of a provider, including those that only some have."""
    return inspect.signature(PROVIDERS.load(provider, "config: world.provider").Provider).parameters


def _check_subset(world: World) -> None:
    from lethe.world.providers.tofu import numbers

    declared = PROVIDERS.contract(world.provider)
    if "subset" in declared.settings and declared.columns:
        # A benchmark in a form of its own reads it as it likes.
        return
    if "subset" not in declared.settings:
        raise LetheError(
            f"config: world.subset: the provider {world.provider} has no authors to choose from; "
            "set it to null"
        )
    chosen = len(numbers(world.subset))
    if chosen != world.authors:
        raise LetheError(
            f"config: world.authors: {world.authors}, but world.subset names {chosen}; "
            f"set it to {chosen}"
        )


def _check_holdout(config: Config) -> None:
    """Metrics of membership need authors that no model has seen."""
    world = config.world
    wanted = [name for name in config.metrics if "holdout" in _suite_files(name)]
    for split in splits.of_config(config).values() if wanted else []:
        count = splits.holdout_authors(split, world.authors)
        if count > world.holdout_authors:
            raise LetheError(
                f"config: metrics: {wanted[0]} needs {count} holdout authors for {split.name}, "
                f"there are {world.holdout_authors}; raise world.holdout_authors or leave it out"
            )


def _suite_files(metric: str) -> Iterable[str]:
    contract = metrics.contract(metric)
    return suites.contract(contract.suite).sets.values() if contract.records else ()


def _check_folder(config: Config) -> None:
    from lethe.world.providers.tofu import check_folder

    world = config.world
    check_folder(
        world.path,
        world.authors,
        world.holdout_authors,
        [*splits.of_config(config).values(), *requests.of_config(config).values()],
        world.perturbed_retain_authors,
        world.subset,
        world.traces,
    )
