"""What a service sends becomes an answer here, and nowhere else.

Nothing in it is to be relied on: not the types of JSON, not that figures are finite or texts are
text. Without a choice in it, it is no answer, and is asked for again. With one, it is kept, since
it is paid for; should there be nothing in it to be read, ``finish`` says so, and another attempt
is asked for as after any unusable answer.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lethe.common.characters import shown
from lethe.llm.journal import Answer

# ``Answer.finish`` of what came and cannot be read.
UNREADABLE = "unreadable"
# Characters of an answer, and of a name; tokens that one request can have taken.
LONGEST = 1 << 18
_LONGEST_NAME = 200
MOST_TOKENS = 10**8
# Parts of a content in the form of a list that say something; others show thoughts or pictures.
_SAYING = ("text", "output_text")


def one_line(text: str, longest: int) -> str:
    """What others said, for a name or a message: in one line, control characters as escapes."""
    return shown(" ".join(text.split()))[:longest]


def figure(value: Any, most: float = math.inf) -> float | None:
    """A number that a service said, in JSON or in a header: finite, from 0 to ``most``, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def decoded(body: bytes) -> Any:
    """The JSON of a body; None where it is none, or nested too deep, or has endless numbers."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True)
class Asked:
    """To whom a question went: the model's name, and the most tokens of prompt and answer.

    ``redact`` takes away what must not be kept.
    """

    model: str
    prompt_tokens: int
    redact: Callable[[str], str]


def answer(result: Any, asked: Asked) -> Answer | None:
    """What a completion says, by its decoded JSON; None where it is none."""
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
        # A service that counts nothing, or nonsense: the most it can have been.
        prompt_tokens=_tokens(usage.get("prompt_tokens"), asked.prompt_tokens),
        completion_tokens=_tokens(usage.get("completion_tokens"), len(content.encode())),
    )


def _choice(result: Any) -> dict | None:
    choices = result.get("choices") if isinstance(result, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    named = isinstance(choice, dict) and isinstance(choice.get("message"), dict)
    return choice if named else None


def _content(value: Any, redact: Callable[[str], str]) -> tuple[str, bool]:
    """A content as text that can be kept, and whether it is to be read."""
    parts = [_part(part) for part in value] if isinstance(value, list) else [value]
    said = [part for part in parts if part is not None]
    if not all(isinstance(part, str) for part in said):
        return "", False
    text = redact("".join(said))
    clean = text[:LONGEST].encode("utf-8", "backslashreplace").decode()
    return clean, clean == text


def _part(part: Any) -> Any:
    """The text of one part of a list; None where it says nothing."""
    if isinstance(part, dict):
        return part.get("text") if part.get("type", "text") in _SAYING else None
    return part


def _name(value: Any, redact: Callable[[str], str]) -> str:
    return one_line(redact(value), _LONGEST_NAME) if isinstance(value, str) else ""


def _tokens(said: Any, otherwise: int) -> int:
    count = figure(said, MOST_TOKENS)
    return otherwise if count is None else int(count)
