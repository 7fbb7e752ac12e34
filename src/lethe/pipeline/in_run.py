"""Which methods are evaluated while they train, so that dropped epochs are never written. Light."""

from collections.abc import Iterable

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


def written(stay: Iterable[int], epochs: int) -> list[int]:
    """The epochs whose checkpoints are written: those that stay, and the last.

    Attacks, audits and runs that start there need the last one.
    """
    return sorted({*stay, epochs})


def check(config: Config) -> None:
    """Refuse what cannot be evaluated in the process that trains."""
    if not is_on(config):
        return
    for why, refused in _refusals(config):
        if refused:
            raise LetheError(f"config: evaluation.in_run: {why}; {OFF}")


def _refusals(config: Config) -> Iterable[tuple[str, bool]]:
    compute, by_split = config.compute, list(_suites_by_split(config))
    yield "the best epoch is chosen from checkpoints", config.checkpoints.keep == "best"
    yield "several processes train one model", compute.processes > 1
    yield "processes share a model in parts", compute.sharding != "none"
    yield "requests are evaluated after each request alone", bool(config.requests.methods)
    yield "runs on one split start from those on another", bool(chains.followed(config))
    yield "splits are asked different suites", any(one != by_split[0] for one in by_split)
    yield "trials of a search are proposed in batches", bool(search_chains.of_config(config))
    for name in config.models:
        lora = config.model_settings[name].training("unlearn")["lora"]
        yield f"{name} trains adapters, which are merged when loaded", lora is not None
    for name in config.methods:
        kind = settings.method(config, name).intervention
        yield f"{name} leaves an intervention, which acts on loading", bool(kind)
    for name in by_split[0] if by_split else ():
        reference = suites.contract(name).reference
        yield f"suite {name} compares with another model", reference is not None


def _suites_by_split(config: Config) -> Iterable[list[str]]:
    """The suites of the metrics of each split, in their order."""
    for split in splits.of_config(config).values():
        asked = [
            metrics.contract(name).suite
            for name in config.metrics
            if metrics.contract(name).records and splits.lacks(name, split) is None
        ]
        yield list(dict.fromkeys(asked))
