"""Answers as data: JSON by a schema where a service offers it, else JSON, else plain text.

Which of these a service really follows is found out by ``lethe.llm.probe``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lethe.llm.journal import Answer

# The best first. The second is llama.cpp's dialect: JSON mode that takes a schema along.
MODES = ("json_schema", "json_object_schema", "json_object", "text")
# Keywords of JSON schema by field, to be laid into a schema.
Form = dict[str, dict[str, Any]]
_ENDS = {"length": "cut off", "content_filter": "content filter", "refusal": "refused"}


class Unusable(Exception):
    """An answer arrived, but there is nothing in it to be used; ``reason`` is short."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Strict(BaseModel):
    """A part of an answer: these keys and types, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True)
class Shape:
    """What an answer must look like.

    ``schema`` is sent to the service and may ask for more than ``model`` insists on: an answer one
    item short is still worth reading. ``parse`` makes data of plain text.
    """

    name: str
    model: type[BaseModel]
    schema: dict[str, Any]
    parse: Callable[[str], dict[str, Any]]

    def response_format(self, mode: str) -> dict[str, Any] | None:
        """The request's ``response_format``; None where there is none."""
        if mode == "json_schema":
            inner = {"name": self.name, "strict": True, "schema": self.schema}
            return {"type": "json_schema", "json_schema": inner}
        if mode == "json_object_schema":
            return {"type": "json_object", "schema": self.schema}
        return {"type": "json_object"} if mode == "json_object" else None

    def read(self, answer: Answer, mode: str) -> Any:
        """The answer as an object of ``model``; Unusable says in a few words why not."""
        if answer.finish in _ENDS:
            raise Unusable(_ENDS[answer.finish])
        if not answer.content.strip():
            raise Unusable("empty answer")
        value = self.parse(answer.content) if mode == "text" else _json(answer.content)
        try:
            return self.model.model_validate(value)
        except ValidationError:
            raise Unusable("wrong shape") from None


def counted(model: type[BaseModel], **counts: int) -> dict[str, Any]:
    """The JSON schema of ``model`` whose lists have exactly so many entries."""
    schema = _schema(model)
    properties = dict(schema["properties"])
    for name, count in counts.items():
        properties[name] = {**properties[name], "minItems": count, "maxItems": count}
    return {**schema, "properties": properties}


def laid(schema: dict[str, Any], form: Form | None, part: str | None = None) -> dict[str, Any]:
    """A schema with further keywords on its fields, or on those of its model ``part``.

    A keyword None is taken away. Without a form it is ``schema`` itself, shared and never changed.
    """
    if not form:
        return schema
    above: dict[str, Any] = {"properties": form}
    return _merged(schema, {"$defs": {part: above}} if part else above)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], value) if isinstance(value, dict) and key in below else value
        for key, value in above.items()
    }
    return {key: value for key, value in {**below, **both}.items() if value is not None}


def patterned(body: dict[str, Any]) -> bool:
    """Whether a request's format has a pattern somewhere in it."""
    return '"pattern": ' in json.dumps(body.get("response_format"))


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Read it, never change it: every request of a kind shares it."""
    return model.model_json_schema()


def _json(text: str) -> Any:
    # Without a schema, services like to put a fence or a sentence around the object.
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1])
    except json.JSONDecodeError:
        raise Unusable("malformed JSON") from None
