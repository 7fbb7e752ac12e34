"""Checking settings against their class: what is wrong with a key is one line that names it."""

from typing import Any

from pydantic import BaseModel, ValidationError

from lethe.errors import LetheError


def validated(model: type[BaseModel], values: dict[str, Any], name: str) -> Any:
    """``model(**values)``; what is wrong with a key is one line that names it."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = f"there are {', '.join(model.model_fields)}" if "." not in key else "remove it"
            raise LetheError(f"{name}.{key}: unknown setting; {known}") from None
        raise LetheError(
            f"{name}.{key}: {first['msg'].lower()}, found {first['input']!r}"
        ) from None
