"""External checkpoints in a configuration: the keys that name them, and the runs they are for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate.roles import check_role
from lethe.model import checkpoint_check
from lethe.pipeline import needs, splits
from lethe.pipeline.config.config import Config

FULL, ORACLES = "full_checkpoint", "oracle_checkpoints"
# The role that each key's checkpoint plays (``lethe.evaluate.roles``).
ROLES = {FULL: "full", ORACLES: "oracle"}


def given_run(config: Config, model: str, run: str, split: str | None, seed: int) -> str | None:
    """The checkpoint given in place of ``full`` or an oracle; None if it is trained here.

    ``{seed}`` in its name stands for the seed. A name without it serves only ``seeds``: further
    oracles measure the spread between trainings, for which one checkpoint is not enough.
    """
    full = config.model_settings[model].full_checkpoint
    given = full if run == "full" else _oracles(config, model, split).get(run)
    if given is None:
        return None
    if "{seed}" in given:
        return given.replace("{seed}", str(seed))
    return given if seed in config.seeds else None


def _oracles(config: Config, model: str, split: str) -> Mapping[str, str | None]:
    """A split's given oracles by role; a single name stands for the default oracle."""
    given = (config.model_settings[model].oracle_checkpoints or {}).get(split)
    if given is None or isinstance(given, Mapping):
        return given or {}
    return {splits.of_name(config, split).oracle.role: given}


def of_model(config: Config, model: str) -> Iterator[tuple[str, str]]:
    """``(key, source)`` of each external checkpoint of a model: its base and its given runs."""
    settings = config.model_settings[model]
    place = f"model_settings.{model}"
    if settings.base_checkpoint is not None:
        yield f"{place}.base_checkpoint", settings.base_checkpoint
    runs = [("full", None, FULL)]
    for split, given in (settings.oracle_checkpoints or {}).items():
        several = isinstance(given, Mapping)
        for role in _oracles(config, model, split):
            key = f"{ORACLES}.{split}"
            runs.append((role, split, f"{key}.{role}" if several else key))
    for run, split, key in runs:
        seeds = [*config.seeds, *(config.oracle_seeds if split else ())]
        sources = {given_run(config, model, run, split, seed) for seed in seeds}
        yield from ((f"{place}.{key}", source) for source in sorted(filter(None, sources)))


def on_hub(config: Config) -> dict[str, str]:
    """Every external checkpoint that may come from the hub, with the key that names it."""
    named = [one for model in config.models for one in of_model(config, model)]
    named += needs.named_checkpoints(config)
    return {
        source: key for key, source in named if checkpoint_check.asked_of_hub(source) is not None
    }


def check_hub(sources: Mapping[str, str]) -> None:
    """Refuse sources (each with its key) that the hub would refuse. Uses the network."""
    for source, key in sources.items():
        _check(checkpoint_check.check_hub, key, source)


def check(config: Config, model: str) -> None:
    """Refuse a model whose external checkpoints cannot be loaded or belong to no split."""
    try:
        for split in config.model_settings[model].oracle_checkpoints or {}:
            _check_roles(split, splits.of_name(config, split).roles, _oracles(config, model, split))
    except LetheError as error:
        raise LetheError(f"config: model_settings.{model}.{ORACLES}: {error}") from None
    for key, source in of_model(config, model):
        _check(checkpoint_check.check_given, key, source)
        which = key.removeprefix(f"model_settings.{model}.").partition(".")[0]
        if which in ROLES:
            check_role(f"config: {key}", source, ROLES[which])


def _check_roles(split: str, known: Sequence[str], given: Iterable[str]) -> None:
    for role in given:
        if role not in known:
            raise LetheError(f"{split}: no oracle {role!r}{suggest(role, known)}")


def _check(call: Callable[[str], None], key: str, source: str) -> None:
    try:
        call(source)
    except LetheError as error:
        raise LetheError(f"config: {key}: {error}") from None
