"""Finding out once how a service answers in structure.

It is asked for something whose shape only the schema tells. A service may refuse what it does not
know, ignore it, or fail at it; in each case the next best mode is tried.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from lethe.llm.failures import Refused, Unanswered
from lethe.llm.journal import Answer
from lethe.llm.structured import MODES, Shape, Strict, Unusable, counted

# A service may answer a kind of request that it does not know by failing (llama.cpp does).
TRIES = 3
LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True)
class Traits:
    """What the probe found: how to ask for structure, and what the limit of tokens is called."""

    mode: str
    limit: str

    @classmethod
    def of(cls, recorded: Any) -> "Traits | None":
        """Traits as they were kept; None if they are none of ours."""
        if not isinstance(recorded, dict) or set(recorded) != {"mode", "limit"}:
            return None
        known = recorded["mode"] in MODES and recorded["limit"] in LIMITS
        return cls(**recorded) if known else None


Ask = Callable[[Traits], Awaitable[Answer]]


class _Home(Strict):
    creature: str = Field(min_length=1)
    abode: str = Field(min_length=1)


class _Homes(Strict):
    homes: list[_Home] = Field(min_length=2, max_length=2)


def _nothing(text: str) -> dict:
    return {"homes": [{"creature": text, "abode": text}] * 2}


PROBE = Shape("homes", _Homes, counted(_Homes, homes=2), _nothing)
_QUESTION = "Name two animals, and tell for each of them where it lives."
_JSON_QUESTION = (
    f"{_QUESTION} Answer with one JSON object of this form and nothing else: "
    '{"homes": [{"creature": "...", "abode": "..."}, {"creature": "...", "abode": "..."}]}'
)


def messages(mode: str) -> list[dict[str, str]]:
    """The question of the probe; where a schema is sent, the words do not betray its shape."""
    question = _JSON_QUESTION if mode == "json_object" else _QUESTION
    return [{"role": "user", "content": question}]


async def find(wanted: str, ask: Ask) -> Traits | None:
    """The best that works of the mode ``wanted``, or of all for ``auto``; None if nothing does.

    ``ask`` puts the question to the service in the way that some traits describe.

    Raises:
        LetheError: the service cannot be used at all.
    """
    modes = MODES if wanted == "auto" else (wanted,)
    # Modes that must work: there is nothing to fall back on.
    last = ("text", wanted)
    traits, failed = await _first(modes, last, ask)
    if traits is not None:
        # Did the service fail at these kinds, or had it only a bad moment? Now it is up.
        better, _ = await _first(failed, last, ask)
        traits = better or traits
    return traits


async def _first(
    modes: Sequence[str], last: Sequence[str], ask: Ask
) -> tuple[Traits | None, list[str]]:
    """The first mode that works, and those before it at which the service failed."""
    failed = []
    for mode in modes:
        try:
            traits = await _tried(mode, last, ask)
        except Unanswered as error:
            if not error.kind.startswith("status 5") or mode in last:
                raise
            failed.append(mode)
            continue
        if traits is not None:
            return traits, failed
    return None, failed


async def _tried(mode: str, last: Sequence[str], ask: Ask) -> Traits | None:
    for limit in LIMITS:
        traits = Traits(mode, limit)
        try:
            PROBE.read(await ask(traits), mode)
        except Unusable:
            return None
        except Refused as error:
            # Newer models of OpenAI's know the limit by its other name only.
            if limit == "max_tokens" and "max_completion_tokens" in str(error):
                continue
            if mode in last:
                raise
            return None
        return traits
    return None
