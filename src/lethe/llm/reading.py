"""Turning what a service sends into an answer.

Nothing in it can be trusted: neither the types in its JSON, nor that numbers are finite or text is
valid. A response without a choice is not an answer, and the request is repeated. One with a choice
is stored, since it was paid for; if its content is unreadable, ``finish`` says so, and it is
treated like any unusable answer.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lethe.common.characters import shown
from lethe.llm.journal import Answer

# ``Answer.finish`` of unreadable content.
UNREADABLE = "unreadable"
# Limits: characters of an answer and of a name, and tokens of one request.
LONGEST = 1 << 18
_LONGEST_NAME = 200
MOST_TOKENS = 10**8
# Types of content parts with text; other parts hold reasoning or images.
_SAYING = ("text", "output_text")


def one_line(text: str, longest: int) -> str:
    """Text from outside as one line, with control characters escaped."""
    return shown(" ".join(text.split()))[:longest]


def figure(value: Any, most: float = math.inf) -> float | None:
    """A number from JSON or a header if it is finite and from 0 to ``most``, otherwise None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def decoded(body: bytes) -> Any:
    """The JSON of a body; None if it is malformed, nested too deep, or has huge numbers."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True)
class Asked:
    """What was asked: the model's name and the bound on prompt tokens.

    ``redact`` removes what must not be stored.
    """

    model: str
    prompt_tokens: int
    redact: Callable[[str], str]


def answer(result: Any, asked: Asked) -> Answer | None:
    """The answer in a completion's decoded JSON; None if there is none."""
    choice = _choice(result)
    if choice is None:
        return None
    message = choice["message"]
    said, read = _content(message.get("content"), asked.redact)
    refusal, _ = _content(message.get("refusal"), asked.redact)
    finish = _name(choice.get("finish_reason"), asked.redact) or "stop"
    usage = result.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    content = said or refusal
    return Answer(
        content=content,
        finish=UNREADABLE if not read else finish if said or not refusal else "refusal",
        model=_name(result.get("model"), asked.redact) or asked.model,
        # If the service reports no usable count, assume the upper bound.
        prompt_tokens=_tokens(usage.get("prompt_tokens"), asked.prompt_tokens),
        completion_tokens=_tokens(usage.get("completion_tokens"), len(content.encode())),
    )


def _choice(result: Any) -> dict | None:
    choices = result.get("choices") if isinstance(result, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    named = isinstance(choice, dict) and isinstance(choice.get("message"), dict)
    return choice if named else None


def _content(value: Any, redact: Callable[[str], str]) -> tuple[str, bool]:
    """Content as text that can be stored, and whether it is complete and readable."""
    parts = [_part(part) for part in value] if isinstance(value, list) else [value]
    said = [part for part in parts if part is not None]
    if not all(isinstance(part, str) for part in said):
        return "", False
    text = redact("".join(said))
    clean = text[:LONGEST].encode("utf-8", "backslashreplace").decode()
    return clean, clean == text


def _part(part: Any) -> Any:
    """The text of one content part; None if it has none."""
    if isinstance(part, dict):
        return part.get("text") if part.get("type", "text") in _SAYING else None
    return part


def _name(value: Any, redact: Callable[[str], str]) -> str:
    return one_line(redact(value), _LONGEST_NAME) if isinstance(value, str) else ""


def _tokens(said: Any, otherwise: int) -> int:
    count = figure(said, MOST_TOKENS)
    return otherwise if count is None else int(count)
