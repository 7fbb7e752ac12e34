"""Attacks on states that other attacks left (``attack_settings.X.of``)."""

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.evaluate import attack
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
