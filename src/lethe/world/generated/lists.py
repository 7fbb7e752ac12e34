"""The lists from which attributes are drawn: birthplaces, genres, occupations, words for titles.

TOFU's were made by GPT-4 and never published (Maini et al. 2024, section 2.1). Ours are not copied
from anywhere either: the model makes them.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.llm.client import Client
from lethe.llm.progress import Progress
from lethe.llm.prompts import Prompt
from lethe.llm.structured import Form, Shape, Strict, counted, laid
from lethe.world.generated import answer_patterns, checks
from lethe.world.generated.repair import Try, Unrepairable, repaired, together
from lethe.world.generated.settings import Generation

# The smallest share of a list's entries, and the smallest number, that is enough to draw from.
_LEAST = 0.5
_FEWEST = 2


class TooShort(LetheError):
    """The model could not fill enough of a list."""


class _Answer(Strict):
    entries: list[str]


@dataclass
class Lists:
    """``titles`` by genre; ``rejected`` counts rejected entries by reason."""

    birthplaces: list[str]
    genres: list[str]
    occupations: list[str]
    titles: dict[str, list[str]]
    rejected: dict[str, int]


def shape(count: int, form: Form | None = None) -> Shape:
    """An answer with ``count`` entries, of this form if one is given."""
    return Shape("entries", _Answer, laid(counted(_Answer, entries=count), form), parse)


def parse(text: str) -> dict:
    """One entry per line, without a number or bullet before it."""
    lines = (re.sub(r"^\s*(?:\d+[.):]|[-*•])\s*", "", line).strip() for line in text.split("\n"))
    return {"entries": [line for line in lines if line]}


def _entries(answer: _Answer) -> list[str]:
    """The entries separately: small models tend to put several into one."""
    parts = [part for entry in answer.entries for part in re.split(r"[;\n]", entry)]
    return [part.strip().rstrip(".,") for part in parts if part.strip()]


def town(entry: str) -> str | None:
    return None if re.fullmatch(r"[^,\d]+, [^,\d]+", entry) else "not a town, a comma and a country"


def phrase(entry: str) -> str | None:
    said = entry.lower().split()
    if not re.fullmatch(r"[^\W\d_][\w'’ -]*", entry) or len(said) > 4:
        return "not a short phrase"
    return "a word is twice" if len(set(said)) < len(said) else None


async def make(client: Client, prompt: Prompt, generation: Generation, progress: Progress) -> Lists:
    """Ask for all lists; those of words for titles, one for each genre, concurrently.

    A genre for which the model gives too few words is left out.

    Raises:
        LetheError: less than half of a list was filled, or fewer than two genres have words.
    """
    sizes, tally = generation.lists, Counter()

    async def one(what: str, count: int, right: Callable, **values: str) -> list[str]:
        wanted = prompt.part(what, values)
        patterned = what if generation.model.patterns else None
        most = generation.attempts
        entries = await _one(client, prompt, wanted, count, right, patterned, most, tally)
        progress.step()
        return entries

    async def titled(genre: str) -> list[str]:
        try:
            return await one("titles", sizes.titles, phrase, genre=genre)
        except TooShort:
            return []

    places, genres, occupations = await together(
        one("birthplaces", sizes.birthplaces, town),
        one("genres", sizes.genres, phrase),
        one("occupations", sizes.occupations, phrase),
    )
    progress.total = 3 + len(genres)
    titles = await together(*[titled(genre) for genre in genres])
    filled = {genre: entries for genre, entries in zip(genres, titles, strict=True) if entries}
    if len(filled) < _FEWEST:
        raise LetheError(
            f"lists: only {len(filled)} genres have words for titles; use a stronger model"
        )
    return Lists(places, list(filled), occupations, filled, dict(sorted((+tally).items())))


async def _one(client, prompt, what, count, right, patterned, attempts, tally) -> list[str]:
    partial: dict[int, str] = {}

    async def ask(attempt: Try[int], done: dict[int, str]) -> dict[int, str]:
        nonlocal partial
        partial = done
        count = len(attempt.wanted)
        avoid = f"None of these: {'; '.join(done.values())}." if done else ""
        # It is enough to say that more are needed; which entries were rejected helps little.
        remarks = f"\nThis is attempt {attempt.number}." if attempt.number > 1 else ""
        values = {"count": count, "what": what, "avoid": avoid, "remarks": remarks}
        form = answer_patterns.entries(patterned, attempt.number) if patterned else None
        answer = await client.ask("lists", prompt, shape(count, form), values)
        return dict(zip(attempt.wanted, _entries(answer), strict=False))

    def gate(key: int, entry: str, done: dict[int, str]) -> str | None:
        known = {other.lower() for other in done.values()}
        twice = "in the list twice" if entry.lower() in known else None
        common = checks.blank(entry), checks.echo(entry), checks.stutter(entry)
        return checks.first(*common, right(entry), twice)

    try:
        entries = await repaired(range(count), ask, gate, attempts, tally)
    except Unrepairable as error:
        entries = partial
        if len(entries) < max(_FEWEST, _LEAST * count):
            raise TooShort(
                f"lists: {len(entries)} of {count} entries ({what[:40]}…) after {attempts} attempts"
                f": {error}; ask for shorter lists (world.generated.lists) or a stronger model"
            ) from None
    return list(entries.values())
