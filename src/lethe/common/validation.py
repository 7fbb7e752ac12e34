"""Checking settings against their class; an error is one line that names the key."""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from lethe.common.errors import LetheError
from lethe.common.numbers import finite

# What a user names: a file, a folder or a hub id; ``~`` at its beginning is a home folder.
GivenPath = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]


def validated(model: type[BaseModel], values: dict[str, Any], name: str) -> Any:
    """``model(**values)``; LetheError names the key that is wrong, in one line."""
    try:
        made = model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        place = f"{name}.{key}" if key else name
        if first["type"] == "extra_forbidden":
            known = f"there are {', '.join(model.model_fields)}" if "." not in key else "remove it"
            raise LetheError(f"{place}: unknown setting; {known}") from None
        why = first["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
        raise LetheError(f"{place}: {why[:1].lower()}{why[1:]}, found {first['input']!r}") from None
    for key, value, kind in misread(values, made):
        raise LetheError(f"{name}{key}: input should be {kind}, found {value!r}")
    return made


def misread(given: Any, made: Any, key: str = "") -> Iterator[tuple[str, Any, str]]:
    """Where pydantic coerced a value to another type: ``.key``, the value, the right type.

    It reads true as 1, "010" as 10, "no" and 0 as false. Infinities and NaN are not allowed either.
    """
    if isinstance(made, BaseModel):
        made = dict(made)
    if isinstance(given, Mapping) and isinstance(made, Mapping):
        for name in given.keys() & made.keys():
            yield from misread(given[name], made[name], f"{key}.{name}")
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple):
        for number, (one, other) in enumerate(zip(given, made, strict=False)):
            yield from misread(one, other, f"{key}.{number}")
    elif isinstance(made, bool):
        if not isinstance(given, bool):
            yield key, given, "true or false"
    elif isinstance(made, int | float):
        if isinstance(given, bool | str):
            yield key, given, "a number"
        elif not finite(made):
            yield key, given, "a finite number"
