"""Attacks on states that other attacks left (``attack_settings.X.of``)."""

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate import attack, suite
from lethe.pipeline.config import settings
from lethe.pipeline.config.config import Config


def check(config: Config) -> None:
    """LetheError, one line, for an attack on a state that does not exist, or on its own."""
    for name in config.attacks:
        passed = [name]
        while (before := settings.attack_before(config, passed[-1])) is not None:
            place = f"config: attack_settings.{passed[-1]}.of"
            if before not in config.attacks:
                known = [one for one in config.attacks if one != passed[-1]]
                raise LetheError(
                    f"{place}: {before!r} is not among attacks{suggest(before, known)}"
                )
            if before in passed:
                raise LetheError(f"{place}: {before} would precede itself; change it")
            passed.append(before)


def generation(config: Config, name: str) -> int:
    """How many generations a state is away from its run: the distillations on the way to it."""
    kind = settings.attack_kind(config, name)
    before = settings.attack_before(config, name)
    own = int(attack.starts_from_base(kind))
    return own + (0 if before is None else generation(config, before))


def metrics_of(config: Config, name: str) -> list[str]:
    """The metrics of a run in a state.

    Those of other attacks are left out, and in a state with a text before every question those
    whose suite compares with a model that reads none.
    """
    kind = settings.attack_kind(config, name)
    own = [metric for metric in config.metrics if metrics.contract(metric).attack in ("", kind)]
    if not _has_prompts(config, name):
        return own
    return [metric for metric in own if not same_prompts(metric)]


def same_prompts(metric: str) -> bool:
    """Whether a metric compares with a model that must read the very same tokens."""
    contract = metrics.contract(metric)
    return contract.records and suite.contract(contract.suite).same_prompts


def _has_prompts(config: Config, name: str) -> bool:
    before = settings.attack_before(config, name)
    own = attack.prompts_only(settings.attack_kind(config, name))
    return own or (before is not None and _has_prompts(config, before))
