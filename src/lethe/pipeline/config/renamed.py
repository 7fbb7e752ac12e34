"""Old names of keys and values; each is refused with its new name, and none is an alias."""

from collections.abc import Iterator, Mapping
from typing import Any

from lethe.common.errors import LetheError

# A star matches any name.
KEYS = {
    "compute.part_tokens": "microbatch_tokens",
    "states": "attacks",
    "state_methods": "attack_methods",
    "state_settings": "attack_settings",
    "attack_settings.*.state": "attack",
    "world.openai": "generated",
    "world.generated.gates": "checks",
    "model_settings.*.path": "base_checkpoint",
    "model_settings.*.full": "full_checkpoint",
    "model_settings.*.retain": "oracle_checkpoints",
    "model_settings.*.finetune.rate": "lr_schedule",
    "model_settings.*.pretrain.rate": "lr_schedule",
    "unlearning.rate": "lr_schedule",
    "method_settings.*.rate": "lr_schedule",
    "method_settings.*.start": "previous_run",
}
VALUES = {
    "world.provider": {"openai": "generated"},
    "world.background": {"openai": "generated"},
    "attack_settings.*.attack": {"quantised": "quantization", "relearned": "relearning"},
}


def refuse_old_names(config: Mapping[str, Any]) -> None:
    """LetheError, one line, for the first old name that a configuration has."""
    for pattern, new in KEYS.items():
        for place, _ in _at(config, pattern.split(".")):
            raise LetheError(f"config: {place}: this key has a new name; write {new}")
    for pattern, names in VALUES.items():
        for place, value in _at(config, pattern.split(".")):
            if isinstance(value, str) and value in names:
                raise LetheError(f"config: {place}: {value} has a new name; write {names[value]}")


def _at(value: Any, pattern: list[str], place: str = "") -> Iterator[tuple[str, Any]]:
    """Each (dotted key, value) that matches a pattern."""
    if not pattern:
        yield place, value
    elif isinstance(value, Mapping):
        first, *rest = pattern
        for name in value if first == "*" else {first} & value.keys():
            yield from _at(value[name], rest, f"{place}.{name}" if place else str(name))
