"""Answers as data: JSON by a schema if the service supports it, otherwise JSON or plain text.

``lethe.llm.probe`` finds out which of these a service supports.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lethe.common.characters import unfit
from lethe.llm.journal import Answer
from lethe.llm.reading import LONGEST, UNREADABLE

# The best first. The second is llama.cpp's dialect: JSON mode that takes a schema along.
MODES = ("json_schema", "json_object_schema", "json_object", "text")
# JSON schema keywords by field, to be added to a schema.
Form = dict[str, dict[str, Any]]
_ENDS = {"length": "cut off", "content_filter": "content filter", "refusal": "refused"}
_ENDS[UNREADABLE] = "no readable text"
# Characters of one text: comparing texts takes quadratic time.
_LONGEST_TEXT = 16_000
# This many characters at either end of a long run of non-word characters are kept.
_KEPT = 16
_RUN = re.compile(rf"\W{{{2 * _KEPT + 1},}}")


class Unusable(Exception):
    """An answer arrived that cannot be used; ``reason`` says why in a few words."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Strict(BaseModel):
    """A part of an answer: these keys and types, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True)
class Shape:
    """The required shape of an answer.

    ``schema`` is sent to the service and may be stricter than ``model``, since an answer that is
    one item short is still useful. ``parse`` turns plain text into data.
    """

    name: str
    model: type[BaseModel]
    schema: dict[str, Any]
    parse: Callable[[str], dict[str, Any]]

    def response_format(self, mode: str) -> dict[str, Any] | None:
        """The request's ``response_format``; None if there is none."""
        if mode == "json_schema":
            inner = {"name": self.name, "strict": True, "schema": self.schema}
            return {"type": "json_schema", "json_schema": inner}
        if mode == "json_object_schema":
            return {"type": "json_object", "schema": self.schema}
        return {"type": "json_object"} if mode == "json_object" else None

    def read(self, answer: Answer, mode: str) -> Any:
        """The answer as an object of ``model``; raises Unusable with the reason."""
        if answer.finish in _ENDS:
            raise Unusable(_ENDS[answer.finish])
        content = without_thoughts(answer.content)
        if not content.strip():
            raise Unusable("empty answer")
        if len(content) > LONGEST:
            raise Unusable("too long")
        return self._checked(_plain(content, self.parse) if mode == "text" else _json(content))

    def _checked(self, value: Any) -> Any:
        try:
            parsed = self.model.model_validate(value)
        except (ValidationError, RecursionError):
            raise Unusable("wrong shape") from None
        for text in _texts(parsed):
            if len(text) > _LONGEST_TEXT:
                raise Unusable("too long")
            # Half a surrogate pair cannot even be encoded; the others must not be published.
            if unfit(text):
                raise Unusable("control characters")
        return parsed


def counted(model: type[BaseModel], **counts: int) -> dict[str, Any]:
    """The JSON schema of ``model`` whose lists have exactly as many entries as ``counts`` says."""
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


def without_thoughts(content: str) -> str:
    """An answer without the reasoning that precedes it, ``<think>…</think>``.

    Many chat templates open the tag themselves, so that only its end arrives. Inside an answer that
    has begun, the tag is part of a text.
    """
    before, end, after = content.partition("</think>")
    said = before.lstrip()
    return after if end and (said.startswith("<think>") or not said.startswith("{")) else content


def _texts(value: Any) -> Iterator[str]:
    """Every string in a parsed answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _texts(dict(value))
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _plain(text: str, parse: Callable[[str], dict[str, Any]]) -> Any:
    """Plain text as data. Numbers may have more digits than Python reads."""
    try:
        return parse(_RUN.sub(_shorter, text))
    except ValueError:
        raise Unusable("malformed text") from None


def _shorter(run: re.Match) -> str:
    """Shorten long runs of blanks and lines, on which the expressions would be very slow."""
    ends = run[0][:_KEPT], run[0][-_KEPT:]
    broken = "\n" in run[0] and "\n" not in "".join(ends)
    return ("\n" if broken else "").join(ends)


def _json(text: str) -> Any:
    # Without a schema, models often put a fence or a sentence around the object.
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        # Too many digits or too deep a nesting do not raise JSONDecodeError.
        raise Unusable("malformed JSON") from None
