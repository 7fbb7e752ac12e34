"""A configuration against its JSON schema: one line for the most telling of all errors."""

import math
from collections.abc import Mapping
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.registry import suggest


def check_schema(config: Mapping[str, Any], schema: dict) -> None:
    """LetheError, one line, where a configuration is not what the schema says."""
    from jsonschema.exceptions import best_match

    # An unknown key says more than what it left missing.
    errors = list(_validator()(schema).iter_errors(config))
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    error = unknown[0] if unknown else best_match(errors)
    if error is not None:
        raise LetheError(_line(error))


def _validator():
    """JSON Schema's own, but that 2.0 is no whole number (it would be a name) and nan is none."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda checker, value: type(value) is int,
            "number": lambda checker, value: type(value) in (int, float) and math.isfinite(value),
        }
    )
    return extend(Draft202012Validator, type_checker=types)


def _line(error) -> str:
    """One line for an error of the schema."""
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = [*error.schema.get("properties", {})]
        key = next(key for key in error.instance if key not in known)
        return f"config: {_dotted(place, key)}: unknown key{suggest(key, known)}"
    if error.validator == "required":
        key = next(key for key in error.validator_value if key not in error.instance)
        return f"config: {_dotted(place, key)}: missing; config/config.yaml shows its default"
    return f"config: {place}: {' '.join(error.message.split())}"


def _dotted(place: str, key: Any) -> str:
    return f"{place}.{key}" if place else str(key)
