"""Which methods are evaluated while they train, so that dropped epochs are never written. Light.

Where the best epoch's checkpoint stays, the job that trains also chooses that epoch; with
``best_epoch.stop`` it ends once nothing better has come.
"""

from collections.abc import Collection, Iterable
from typing import Any

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.pipeline import chains, search_chains, splits
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config

OFF = "set evaluation.in_run to false"


def is_on(config: Config) -> bool:
    """Whether epochs are evaluated in the run: where the policy drops some that are evaluated."""
    drops = config.checkpoints.keep in ("last", "none", "best")
    return config.evaluation.in_run and drops and config.evaluation.epochs == "all"


def suites_of(config: Config) -> list[str]:
    """The suites whose records a method's training makes; none if that is off."""
    if not is_on(config):
        return []
    return next(iter(_suites_by_split(config)), [])


def chooses(config: Config) -> bool:
    """Whether the job that trains chooses the best epoch: to keep its checkpoint, or to end."""
    return is_on(config) and (config.checkpoints.keep == "best" or config.best_epoch.stop)


def stops(config: Config) -> bool:
    """Whether runs may end before their last epoch."""
    return is_on(config) and config.best_epoch.stop


def choosing_metrics() -> list[str]:
    """The metrics that an epoch's score is made from, each after those that it needs."""
    return [*metrics.contract("model_utility").needs, "model_utility"]


def choice(config: Config) -> dict[str, Any]:
    """How the best epoch is chosen, as parameters of the job that trains; empty if it is not."""
    if not chooses(config):
        return {}
    settings_of = {name: config.metric_settings.get(name, {}) for name in choosing_metrics()}
    return {
        "criterion": config.best_epoch.criterion,
        "patience": config.best_epoch.patience if stops(config) else None,
        "metric_settings": settings_of,
    }


def written(stay: Iterable[int], epochs: int) -> list[int]:
    """The epochs whose checkpoints are written: those that stay, and the last.

    Attacks, audits and runs that start there need the last one.
    """
    return sorted({*stay, epochs})


def check(config: Config) -> None:
    """Refuse what cannot be evaluated in the process that trains."""
    if config.best_epoch.stop and not is_on(config):
        raise LetheError(
            "config: best_epoch.stop: runs are ended by their evaluation; set evaluation.in_run to "
            "true, evaluation.epochs to all and checkpoints.keep to last, best or none"
        )
    if not is_on(config):
        return
    for why, refused in _refusals(config):
        if refused:
            raise LetheError(f"config: evaluation.in_run: {why}; {OFF}")
    for why, refused in _refusals_of_stop(config) if stops(config) else ():
        if refused:
            raise LetheError(f"config: best_epoch.stop: {why}; set it to false")


def check_deployment(config: Config, deployment: Collection) -> None:
    """LetheError if the environment of trainings lacks what chooses the best epoch.

    ``deployment``: the names of the ways in which jobs get their software.
    """
    if "conda" in deployment and chooses(config):
        raise LetheError(
            "config: evaluation.in_run: the best epoch is chosen by ROUGE too, which conda's "
            f"environment of trainings does not have; run without conda, or {OFF}"
        )


def _refusals(config: Config) -> Iterable[tuple[str, bool]]:
    compute, by_split = config.compute, list(_suites_by_split(config))
    yield "several processes train one model", compute.processes > 1
    yield "processes share a model in parts", compute.sharding != "none"
    yield "requests are evaluated after each request alone", bool(config.requests.methods)
    yield "runs on one split start from those on another", bool(chains.followed(config))
    yield "splits are asked different suites", any(one != by_split[0] for one in by_split)
    yield "trials of a search are proposed in batches", bool(search_chains.of_config(config))
    suite = metrics.contract("truth_ratio").suite
    lacking = chooses(config) and suite not in suites_of(config)
    yield f"the best epoch is chosen by suite {suite}, which no metric asks", lacking
    for name in config.models:
        lora = config.model_settings[name].training("unlearn")["lora"]
        yield f"{name} trains adapters, which are merged when loaded", lora is not None
    for name in config.methods:
        kind = settings.method(config, name).intervention
        yield f"{name} leaves an intervention, which acts on loading", bool(kind)
    for name in by_split[0] if by_split else ():
        reference = suites.contract(name).reference
        yield f"suite {name} compares with another model", reference is not None


def _refusals_of_stop(config: Config) -> Iterable[tuple[str, bool]]:
    yield "seeds end at different epochs, and figures average theirs", len(config.seeds) > 1
    yield "trials of a search are compared at their last epoch", bool(config.search.methods)
    for name, own in config.method_settings.items():
        start = own.previous_run
        yield f"{name} starts from the end of another run", start is not None


def _suites_by_split(config: Config) -> Iterable[list[str]]:
    """The suites of the metrics of each split, in their order."""
    for split in splits.of_config(config).values():
        asked = [
            metrics.contract(name).suite
            for name in config.metrics
            if metrics.contract(name).records and splits.lacks(name, split) is None
        ]
        yield list(dict.fromkeys(asked))
