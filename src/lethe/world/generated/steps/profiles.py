"""A profile for each candidate: name, award, books and a biography that fit the drawn attributes.

The four parts are requested together; a part that fails is requested again separately, given the
parts that were accepted.
"""

import re
from collections.abc import Set
from functools import cache
from typing import Any

from pydantic import BaseModel, create_model

from lethe.llm.prompts import Prompt
from lethe.llm.structured import Form, Shape, Strict, counted, laid
from lethe.world.generated import answer_patterns, checks
from lethe.world.generated.candidate import BOOKS, Candidate, Profile
from lethe.world.generated.consistency import contradiction, other_gender
from lethe.world.generated.context import Context
from lethe.world.generated.repair import Try, repaired
from lethe.world.synthetic.names import real_names

# In this order, because a biography is checked against the name that was accepted.
PARTS = {name: field.annotation for name, field in Profile.model_fields.items()}
_LINE = re.compile(r"^\W*(name|award|book|biography)\W*?\s*\d*\W*?:\**\s*(.+?)\s*$", re.I | re.M)
_BOOK = '["...", "...", "..."]'


def parse(text: str, wanted: list[str]) -> dict:
    """Those of the lines ``Name:``, ``Award:``, ``Book:`` (three) and ``Biography:`` wanted."""
    lines_of: dict[str, list[str]] = {}
    for label, value in _LINE.findall(text):
        lines_of.setdefault(label.lower(), []).append(value)
    values: dict[str, Any] = {key: lines[0] for key, lines in lines_of.items() if key != "book"}
    values["books"] = lines_of.get("book", [])
    return {key: values[key] for key in wanted if key in values}


def shape(wanted: list[str], form: Form | None = None) -> Shape:
    """An answer with the wanted parts and no others, of this form if one is given."""
    model = _model(tuple(wanted))
    counts = {"books": len(BOOKS)} if "books" in wanted else {}
    schema = laid(counted(model, **counts), form)
    return Shape("profile", model, schema, lambda text: parse(text, wanted))


@cache
def _model(wanted: tuple[str, ...]) -> type[BaseModel]:
    return create_model("Profile", __base__=Strict, **{key: (PARTS[key], ...) for key in wanted})


async def step(candidate: Candidate, context: Context, taken: Set[str] = frozenset()) -> Candidate:
    """The candidate with a profile whose name is not in ``taken`` (in lower case).

    Raises:
        Unrepairable: some part failed at every attempt.
    """
    prompt, generation = context.prompt, context.generation

    async def ask(attempt: Try[str], done: dict[str, Any]) -> dict[str, Any]:
        values = _values(candidate, prompt, attempt, done)
        form = None
        if generation.model.patterns:
            form = answer_patterns.profile(attempt.wanted, done.get("name"), attempt.number)
        answer = await context.client.ask("profiles", prompt, shape(attempt.wanted, form), values)
        return {key: _trimmed(value) for key, value in answer.model_dump().items()}

    def gate(key: str, value: Any, done: dict[str, Any]) -> str | None:
        return wrong(key, value, done, taken, candidate.attributes)

    parts = await repaired(list(PARTS), ask, gate, generation.attempts, context.tally)
    return candidate.model_copy(update={"profile": Profile(**parts)})


def _trimmed(value: Any) -> Any:
    return [text.strip() for text in value] if isinstance(value, list) else value.strip()


def wrong(
    key: str, value: Any, done: dict[str, Any], taken: Set[str], attributes: dict[str, str]
) -> str | None:
    """The first defect of a part, given the parts accepted before it."""
    texts = value if key == "books" else [value]
    common = [
        checks.first(
            checks.blank(text), checks.echo(text), checks.stutter(text), checks.refusal(text)
        )
        for text in texts
    ]
    if key != "biography":
        common += [checks.debris(text) for text in texts]
    own = {
        "name": lambda: _name(value, taken),
        "award": lambda: _award(value),
        "books": lambda: _books(value),
        "biography": lambda: _biography(value, done, attributes),
    }
    return checks.first(*common, *own[key]())


def _name(value: str, taken: Set[str]) -> list[str | None]:
    used = f"the name {value} is taken" if value.lower() in taken else None
    return [checks.bad_name(value, real_names()), used]


def _award(value: str) -> list[str | None]:
    return [checks.overlong(value, 120)]


def _books(value: list[str]) -> list[str | None]:
    count = None if len(value) == len(BOOKS) else f"there are not exactly {len(BOOKS)} books"
    same = None if len({book.lower() for book in value}) == len(value) else "a book is twice"
    return [count, same, *(checks.overlong(book, 120) for book in value)]


def _biography(value: str, done: dict, attributes: dict[str, str]) -> list[str | None]:
    # Without an accepted name, the biography would be about another one.
    nameless = None if "name" in done else "the author has no name yet"
    contrary = contradiction(value, attributes), other_gender(value, attributes["gender"])
    return [nameless, checks.truncated(value), *contrary]


def _values(candidate: Candidate, prompt: Prompt, attempt: Try[str], done: dict) -> dict[str, str]:
    """The values for the prompt's placeholders."""
    wanted = attempt.wanted
    known = {"Name": done.get("name"), "Award": done.get("award")}
    known["Books"] = "; ".join(done.get("books", []))
    lines = {key: f"{key.capitalize()}: ..." for key in wanted}
    if "books" in lines:
        lines["books"] = "\n".join(["Book: ..."] * len(BOOKS))
    example = [
        f'"{key}": {_BOOK if key == "books" else chr(34) + "..." + chr(34)}' for key in wanted
    ]
    return {
        **candidate.attributes,
        "titles": ", ".join(candidate.titles),
        "known": "\n".join(f"{label}: {value}" for label, value in known.items() if value),
        "wanted": "\n".join(f"- {prompt.part(key, {})}" for key in wanted),
        "example": ", ".join(example),
        "lines": "\n".join(lines.values()),
        "remarks": attempt.remarks(lambda key: f"the {key}"),
    }
