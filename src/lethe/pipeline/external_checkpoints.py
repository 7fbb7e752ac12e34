"""Models that others made, as a configuration names them: by which keys, and for which runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate.roles import check_role
from lethe.model import checkpoint_check
from lethe.pipeline import splits

# What the keys of given runs stand for (``lethe.evaluate.roles``).
ROLES = {"full": "full", "retain": "oracle"}


def given_run(
    config: Mapping[str, Any], model: str, run: str, split: str | None, seed: int
) -> str | None:
    """The checkpoint given in the place of ``full`` or an oracle; None where it is trained here.

    ``{seed}`` in its name stands for the seed. A name without is that of ``seeds`` alone: further
    oracles measure noise, which one checkpoint does not have.
    """
    settings = config["model_settings"][model]
    given = settings.get("full") if run == "full" else _oracles(config, model, split).get(run)
    if given is None:
        return None
    if "{seed}" in given:
        return given.replace("{seed}", str(seed))
    return given if seed in config["seeds"] else None


def _oracles(config: Mapping[str, Any], model: str, split: str) -> Mapping[str, str | None]:
    """The given oracles of a split by role; a single name is that of the default one."""
    given = (config["model_settings"][model].get("retain") or {}).get(split)
    if given is None or isinstance(given, Mapping):
        return given or {}
    return {splits.of_name(config, split).oracle.role: given}


def of_model(config: Mapping[str, Any], model: str) -> Iterator[tuple[str, str]]:
    """``(key, source)`` of what a model starts from and of its given runs."""
    settings = config["model_settings"][model]
    place = f"model_settings.{model}"
    if settings["path"] is not None:
        yield f"{place}.path", settings["path"]
    runs = [("full", None, "full")]
    for split, given in (settings.get("retain") or {}).items():
        several = isinstance(given, Mapping)
        for role in _oracles(config, model, split):
            runs.append((role, split, f"retain.{split}.{role}" if several else f"retain.{split}"))
    for run, split, key in runs:
        seeds = [*config["seeds"], *(config["oracle_seeds"] if split else ())]
        sources = {given_run(config, model, run, split, seed) for seed in seeds}
        yield from ((f"{place}.{key}", source) for source in sorted(filter(None, sources)))


def on_hub(config: Mapping[str, Any]) -> dict[str, str]:
    """Every given source of which the hub is asked, with the key that names it."""
    named = [one for model in config["models"] for one in of_model(config, model)]
    for method, settings in config["method_settings"].items():
        # A method may name a checkpoint itself (``msa``); else it is the base, or a snapshot of it.
        prior = settings.get("prior", "base")
        if isinstance(prior, str) and prior != "base":
            named.append((f"method_settings.{method}.prior", prior))
    return {
        source: key for key, source in named if checkpoint_check.asked_of_hub(source) is not None
    }


def check_hub(sources: Mapping[str, str]) -> None:
    """Refuse sources (each with its key) that the hub would refuse. Asks the network."""
    for source, key in sources.items():
        _check(checkpoint_check.check_hub, key, source)


def check(config: Mapping[str, Any], model: str) -> None:
    """Refuse a model whose given checkpoints cannot be loaded, or stand for no split."""
    try:
        for split in config["model_settings"][model].get("retain") or {}:
            _check_roles(split, splits.of_name(config, split).roles, _oracles(config, model, split))
    except LetheError as error:
        raise LetheError(f"config: model_settings.{model}.retain: {error}") from None
    for key, source in of_model(config, model):
        _check(checkpoint_check.check_given, key, source)
        run = key.removeprefix(f"model_settings.{model}.").partition(".")[0]
        if run in ROLES:
            check_role(f"config: {key}", source, ROLES[run])


def _check_roles(split: str, known: Sequence[str], given: Iterable[str]) -> None:
    for role in given:
        if role not in known:
            raise LetheError(f"{split}: no oracle {role!r}{suggest(role, known)}")


def _check(call: Callable[[str], None], key: str, source: str) -> None:
    try:
        call(source)
    except LetheError as error:
        raise LetheError(f"config: {key}: {error}") from None
