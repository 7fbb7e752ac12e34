"""Pydantic's errors about a configuration: one line for the most informative of them."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.common.validation import misread


def validated_config(model: type[BaseModel], values: Mapping[str, Any]) -> Any:
    """Build ``model`` from these values; LetheError, one line with key, value and remedy."""
    try:
        made = model.model_validate(values)
    except ValidationError as error:
        raise LetheError(_line(model, values, error)) from None
    for key, wrong, kind in misread(values, made):
        shown = "" if _hidden(model, key.split(".")[1:]) else f", found {wrong!r}"
        raise LetheError(f"config: {key[1:]}: input should be {kind}{shown}")
    return made


def _line(model: type[BaseModel], values: Mapping[str, Any], error: ValidationError) -> str:
    """One line that says what is wrong."""
    # An unknown key is more informative than the missing key that it was meant to be.
    first = min(error.errors(), key=lambda one: _order(one["type"]))
    path = list(_keys(values, first["loc"]))
    place = ".".join(map(str, path))
    if first["type"] in ("extra_forbidden", "invalid_key"):
        known = [name for one in _models_at(model, path[:-1]) for name in one.model_fields]
        return f"config: {place}: unknown key{suggest(path[-1], known)}"
    if first["type"] == "missing":
        return f"config: {place}: missing; docs/configuration.md says what it may be"
    why = first["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    why = " ".join(why.split())
    # Someone may have put a service's secret key where it does not belong.
    shown = "" if _hidden(model, path) else f", found {first['input']!r}"
    return f"config: {place}: {why[:1].lower()}{why[1:]}{shown}"


def _order(kind: str) -> int:
    order = ("extra_forbidden", "invalid_key", "missing")
    return order.index(kind) if kind in order else len(order)


def _keys(values: Any, place: tuple) -> Iterator[Any]:
    """The keys of a location, without the names of kinds that pydantic puts between them."""
    for number, part in enumerate(place):
        last = number == len(place) - 1
        if isinstance(values, Mapping) and part in values:
            values = values[part]
            yield part
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part] if part < len(values) else None
            yield part
        elif isinstance(values, Mapping) and last:
            yield _as_key(values, part)


def _as_key(values: Mapping, part: Any) -> Any:
    """The key at fault: a missing one, or one that is not text and that pydantic shows as text."""
    return next((key for key in values if str(key) == part), part)


def _models_at(annotation: Any, path: list) -> list[type[BaseModel]]:
    """The models that a value may belong to, at a location below a model."""
    models = list(_models_in(annotation))
    for part in path:
        fields = [one.model_fields[part] for one in models if part in one.model_fields]
        # Between the keys of models are keys of mappings and positions in lists.
        models = [m for f in fields for m in _models_in(f.annotation)] if fields else models
    return models


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _hidden(model: type[BaseModel], path: list) -> bool:
    """Whether values at a location must not be shown."""
    return any(
        one.model_config.get("hide_input_in_errors")
        for length in range(1, len(path) + 1)
        for one in _models_at(model, path[:length])
    )
