"""Checking a configuration before any job runs: one line names the key and the remedy.

Nothing heavy is imported here: every start of the workflow passes through this module.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate import attack
from lethe.evaluate import suite as suites
from lethe.model import architecture, fsdp
from lethe.model.encoder import template_settings
from lethe.model.settings import Compute
from lethe.pipeline import chains, external_checkpoints, splits
from lethe.pipeline.config.files import Odd, strict
from lethe.pipeline.config.schema import check_schema
from lethe.report import figures
from lethe.train.settings import Finetuning, Pretraining
from lethe.unlearn import methods
from lethe.unlearn.alternatives import Alternatives
from lethe.unlearn.method import Method, Settings, validated, whole_weights
from lethe.world.generated.settings import generation

# Folders of results that belong to no world.
RESERVED = ("logs", "studies", "benchmarks")
# Stands in ``methods`` for all that are not listed.
ALL = "all"
WORDS = {"null": None, "true": True, "false": False}
# Keys of method_settings.NAME that are no settings of the method: its file, where the run starts.
OF_RUN = ("method", "start")
# The official evaluation's ds_size.
OFFICIAL_ITEMS = 300
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def parsed(value: Any) -> Any:
    """What ``--config 'seeds=[0, 1]'`` hands over as texts, as the values that they mean."""
    if isinstance(value, Mapping):
        return {key: parsed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [parsed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    # Names, folders and other texts stay as they are, however YAML would read them.
    if value in WORDS:
        return WORDS[value]
    if NUMBER.fullmatch(value):
        return float(value) if set(value) & set(".eE") else int(value)
    return _collection(value) if value[:1] in ("[", "{") else value


def _collection(text: str) -> Any:
    try:
        return parsed(strict(text))
    except Odd as error:
        raise LetheError(f"{text[:60]}: {error}") from None
    except yaml.YAMLError:
        return text


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merge, everything else replaces."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged


def with_all_methods(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with ``all`` in ``methods`` as every method that there is, in its place.

    Methods that are listed themselves are not repeated.
    """
    listed = config.get("methods")
    if not isinstance(listed, list) or ALL not in listed:
        return dict(config)
    others = [name for name in methods.names() if name not in listed]
    place = listed.index(ALL)
    return {**config, "methods": [*listed[:place], *others, *listed[place + 1 :]]}


def check(config: Mapping[str, Any], schema: str | Path) -> None:
    """Hold a configuration against the schema, the library and the files that it names."""
    check_schema(config, yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    config = with_all_methods(config)
    _check_names(config)
    for model in config["models"]:
        _check_model(config, model)
    for name in config["method_settings"]:
        known = sorted({*methods.names(), *config["methods"]})
        if name not in config["methods"] and method_class(config, name) not in known:
            raise LetheError(f"config: method_settings.{name}: unknown name{suggest(name, known)}")
    # Settings of methods that are not listed may stand there: an overlay cannot take them away.
    for name in {**dict.fromkeys(config["methods"]), **config["method_settings"]}:
        method_settings(config, name)
    for state in {**dict.fromkeys(config["states"]), **config["state_settings"]}:
        state_settings(config, state)
    _known("state_methods", config["state_methods"] or [], config["methods"])
    listed = {name: method(config, name) for name in config["methods"]}
    chains.check(config, listed)
    adapted = [name for name in config["models"] if compute_settings(config, name).lora is not None]
    fsdp.check(config["compute"], listed, adapted)
    validated(Alternatives, config["alternatives"], "alternatives")
    _known("metrics", config["metrics"], metrics.names())
    _known("figures", config["figures"], figures.names())
    _check_metrics(config["metrics"])
    for metric, given in config["metric_settings"].items():
        _known("metric_settings", [metric], metrics.names())
        metrics.settings_of(metric, given)
    _check_seeds(config)
    _check_world(config["world"])
    if "openai" in (config["world"]["provider"], config["world"]["background"]):
        generation(config["world"])
    splits.check(config)
    _check_holdout(config)
    if config["world"]["provider"] == "tofu" and config["world"]["path"] is not None:
        _check_folder(config)


def method_class(config: Mapping[str, Any], name: str) -> str:
    """The file that a method's name stands for: its own, or ``method_settings.NAME.method``."""
    return config["method_settings"].get(name, {}).get("method", name)


def method(config: Mapping[str, Any], name: str) -> Method:
    """A method with all of its settings: its class's defaults, the shared protocol, its own.

    Of the protocol, methods that are not trained (``lethe.unlearn.one_shot``) have nothing.
    """
    given = config["method_settings"].get(name, {})
    own = {key: value for key, value in given.items() if key not in OF_RUN}
    cls = methods.load(method_class(config, name))
    where = f"method_settings.{name}" if own else "unlearning"
    shared = config["unlearning"] if issubclass(cls.Settings, Settings) else {}
    return cls({**shared, **own}, where)


def method_settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """All settings of a method, as plain values."""
    return method(config, name).settings.model_dump(mode="json")


def state_kind(config: Mapping[str, Any], name: str) -> str:
    """The file that a state's name stands for: its own, or ``state_settings.NAME.state``."""
    return config["state_settings"].get(name, {}).get("state", name)


def state_settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """All settings of a state, as plain values."""
    own = {k: v for k, v in config["state_settings"].get(name, {}).items() if k != "state"}
    kind = state_kind(config, name)
    return attack.settings_of(kind, own, f"state_settings.{name}").model_dump(mode="json")


def runs_with_states(config: Mapping[str, Any], oracles: Sequence[str]) -> list[str]:
    """The runs whose last checkpoint is brought into states: the controls, then methods.

    ``oracles``: the runs of a split's oracles.
    """
    chosen = config["state_methods"]
    return ["full", *oracles, *(config["methods"] if chosen is None else chosen)]


def shared_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that all methods share."""
    return validated(Settings, config["unlearning"], "unlearning").model_dump(mode="json")


def finetune_settings(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The schedule by which a model learns the target authors."""
    values = config["model_settings"][model]["finetune"]
    return validated(Finetuning, values, f"model_settings.{model}.finetune").model_dump()


def compute_settings(config: Mapping[str, Any], model: str) -> Compute:
    """In which numbers a model computes, and what of it is trained."""
    settings = config["model_settings"][model]
    values = {key: settings[key] for key in Compute.model_fields if key in settings}
    return validated(Compute, values, f"model_settings.{model}")


def pretrain_settings(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The schedule by which a base model is made."""
    values = config["model_settings"][model].get("pretrain", {})
    return validated(Pretraining, values, f"model_settings.{model}.pretrain").model_dump()


def items_of(config: Mapping[str, Any], sets: Iterable[str]) -> dict[str, int]:
    """How many items of each set are probed at the most."""
    items = config["evaluation"]["items"]
    if isinstance(items, int):
        return dict.fromkeys(sets, items)
    return {name: items.get(name, OFFICIAL_ITEMS) for name in sets}


def _check_names(config: Mapping[str, Any]) -> None:
    """A method's results would lie where those of another run do, and replace them."""
    variants = [name for name, own in config["method_settings"].items() if "method" in own]
    others = splits.other_runs(config)
    for name in (*config["methods"], *variants):
        if name in others:
            raise LetheError(
                f"config: methods: {name} is the name of another run; give the method another "
                "name, and its file by method_settings.NAME.method"
            )


def _known(key: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise LetheError(f"config: {key}: unknown name {name!r}{suggest(name, known)}")


def _check_model(config: Mapping[str, Any], name: str) -> None:
    settings = config["model_settings"].get(name)
    if settings is None:
        raise LetheError(f"config: models: {name!r} has no settings; add model_settings.{name}")
    finetune_settings(config, name)
    _check_template(name, settings["template"])
    external_checkpoints.check(config, name)
    _check_adapters(config, name)
    if settings["path"] is None:
        pretrain_settings(config, name)
        if "architecture" not in settings:
            raise LetheError(
                f"config: model_settings.{name}.architecture: missing; give it, or a path"
            )
        architecture.sizes(settings["architecture"], f"config: model_settings.{name}.architecture")


def _check_adapters(config: Mapping[str, Any], name: str) -> None:
    if compute_settings(config, name).training("unlearn")["lora"] is None:
        return
    for listed in config["methods"]:
        whole = whole_weights(method(config, listed), listed)
        if whole is not None:
            raise LetheError(
                f"config: methods: {whole} works on whole weights, but {name} trains adapters; "
                f"leave it out, or set model_settings.{name}.lora.stages to [finetune]"
            )


def _check_template(name: str, given: str | Mapping[str, Any]) -> None:
    try:
        template_settings(given)
    except LetheError as error:
        raise LetheError(f"config: model_settings.{name}.{error}") from None


def _check_metrics(names: list[str]) -> None:
    for name in names:
        for need in metrics.contract(name).needs:
            if need not in names:
                raise LetheError(f"config: metrics: {name} needs {need}; add it to the list")


def _check_seeds(config: Mapping[str, Any]) -> None:
    both = set(config["seeds"]) & set(config["oracle_seeds"])
    if both:
        raise LetheError(
            f"config: oracle_seeds: {min(both)} is one of seeds, which have their oracles; "
            "choose others"
        )


def _check_world(world: Mapping[str, Any]) -> None:
    if world["name"] in RESERVED:
        raise LetheError(
            f"config: world.name: {world['name']} has a folder of its own in results/; "
            "choose another"
        )
    if world["subset"] is not None:
        _check_subset(world)
    if world["perturbed_retain_authors"] > world["authors"]:
        raise LetheError(
            f"config: world.perturbed_retain_authors: {world['perturbed_retain_authors']} are more "
            f"than the {world['authors']} authors; lower it"
        )


def _check_subset(world: Mapping[str, Any]) -> None:
    from lethe.world.providers.tofu import numbers

    if world["provider"] != "tofu":
        raise LetheError(
            "config: world.subset: only provider tofu has published authors to choose from; "
            "set it to null"
        )
    chosen = len(numbers(world["subset"]))
    if chosen != world["authors"]:
        raise LetheError(
            f"config: world.authors: {world['authors']}, but world.subset names {chosen}; "
            f"set it to {chosen}"
        )


def _check_holdout(config: Mapping[str, Any]) -> None:
    """Membership can only be told from authors that no model has seen."""
    world = config["world"]
    wanted = [name for name in config["metrics"] if "holdout" in _suite_files(name)]
    for split in splits.of_config(config).values() if wanted else []:
        count = splits.holdout_authors(split, world["authors"])
        if count > world["holdout_authors"]:
            raise LetheError(
                f"config: metrics: {wanted[0]} needs {count} holdout authors for {split.name}, "
                f"there are {world['holdout_authors']}; raise world.holdout_authors or leave it out"
            )


def _suite_files(metric: str) -> Iterable[str]:
    contract = metrics.contract(metric)
    return suites.contract(contract.suite).sets.values() if contract.records else ()


def _check_folder(config: Mapping[str, Any]) -> None:
    from lethe.world.providers.tofu import check_folder

    world = config["world"]
    check_folder(
        world["path"],
        world["authors"],
        world["holdout_authors"],
        splits.of_config(config).values(),
        world["perturbed_retain_authors"],
        world["subset"],
    )
