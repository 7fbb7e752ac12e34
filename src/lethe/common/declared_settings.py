"""Settings that a plug-in declares in a literal constant, checked without importing the plug-in.

SETTINGS = {
    "variant": ("geometric", "arithmetic"),                a choice; the first is the default
    "k": {"default": 8, "least": 1},                       a whole number
    "threshold": {"default": 0.5, "above": 0, "most": 1},  a number
    "scheme": {"default": None},                           a text, or null
    "nli": {"default": None, "path": True},                a path, or null; ~ is a home
}
"""

import math
import os
from collections.abc import Mapping
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.numbers import finite, plain_number

Declared = Mapping[str, Any]


def filled(who: str, declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings, with defaults filled in and ``~`` at the beginning of a path expanded.

    ``who`` begins messages. LetheError for an unknown key, and for a value that is not allowed.
    """
    for key, value in given.items():
        if key not in declared:
            known = ", ".join(declared) or "none"
            raise LetheError(f"{who}: unknown setting '{key}'; settings: {known}")
        if not _allows(declared[key], value):
            raise LetheError(f"{who}: {key} is {value!r}; set it to {_allowed(declared[key])}")
    return {key: _value(rule, given, key) for key, rule in declared.items()}


def _value(rule: Any, given: Mapping[str, Any], key: str) -> Any:
    value = given.get(key, _default(rule))
    is_path = isinstance(rule, Mapping) and rule.get("path", False)
    return os.path.expanduser(value) if is_path and value is not None else value


def from_text(rule: Any, text: str) -> Any:
    """A value as the command line gives it: a number where the setting is one, else the text."""
    if isinstance(rule, Mapping) and isinstance(rule["default"], int | float):
        number = plain_number(text)
        return text if number is None else number
    return text


def _default(rule: Any) -> Any:
    return rule["default"] if isinstance(rule, Mapping) else rule[0]


def _allows(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return value in rule
    if not isinstance(rule["default"], int | float):
        return value is None or (isinstance(value, str) and bool(value))
    # type(), not isinstance(): true and false are not numbers here.
    kinds = (int,) if isinstance(rule["default"], int) else (int, float)
    return type(value) in kinds and finite(value) and _within(rule, value)


def _within(rule: Declared, value: float) -> bool:
    return (
        value >= rule.get("least", -math.inf)
        and value > rule.get("above", -math.inf)
        and value <= rule.get("most", math.inf)
    )


def _allowed(rule: Any) -> str:
    if not isinstance(rule, Mapping):
        return " or ".join(rule)
    if not isinstance(rule["default"], int | float):
        return "a text, or null"
    kind = "a whole number" if isinstance(rule["default"], int) else "a number"
    bounds = [("least", "from"), ("above", "above"), ("most", "to at most")]
    limits = [f"{word} {rule[bound]}" for bound, word in bounds if bound in rule]
    return " ".join([kind, *limits])
