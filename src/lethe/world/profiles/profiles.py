"""A profile for each candidate: name, award, books and a biography around the drawn attributes."""

import re
from collections import Counter
from collections.abc import Set

from lethe.llm.client import Client
from lethe.llm.prompts import Prompt
from lethe.llm.structured import Shape, counted
from lethe.world.names import real_names
from lethe.world.profiles import gates
from lethe.world.profiles.record import BOOKS, Candidate, Profile
from lethe.world.profiles.repair import Try, repaired
from lethe.world.profiles.settings import Generation

_LINE = re.compile(r"^\W*(name|award|book|biography)\W*?\s*\d*\W*?:\**\s*(.+?)\s*$", re.I | re.M)


def parse(text: str) -> dict:
    """Lines ``Name:``, ``Award:``, ``Book:`` (three) and ``Biography:``."""
    found: dict[str, list[str]] = {}
    for label, value in _LINE.findall(text):
        found.setdefault(label.lower(), []).append(value)
    single = {key: found[key][0] for key in ("name", "award", "biography") if key in found}
    return {**single, "books": found.get("book", [])}


def wrong(profile: Profile, taken: Set[str]) -> str | None:
    """The first defect of a profile; ``taken`` are names of others, in lower case."""
    texts = (profile.name, profile.award, *profile.books, profile.biography)
    used = f"the name {profile.name} is taken" if profile.name.lower() in taken else None
    return gates.first(
        *map(gates.blank, texts),
        gates.bad_name(profile.name, real_names()),
        None if len(profile.books) == len(BOOKS) else f"there are not exactly {len(BOOKS)} books",
        None
        if len({b.lower() for b in profile.books}) == len(profile.books)
        else "a book is twice",
        *map(gates.refusal, texts),
        *map(gates.debris, (profile.name, profile.award, *profile.books)),
        gates.truncated(profile.biography),
        used,
    )


async def step(
    candidate: Candidate,
    client: Client,
    prompt: Prompt,
    generation: Generation,
    tally: Counter[str],
    taken: Set[str] = frozenset(),
) -> Candidate:
    """The candidate with a profile, its name none of ``taken`` (in lower case).

    Raises:
        Unrepairable: no attempt gave a profile without defects.
    """

    async def ask(attempt: Try[str], done: dict[str, Profile]) -> dict[str, Profile]:
        values = {
            **candidate.attributes,
            "titles": ", ".join(candidate.titles),
            "remarks": attempt.remarks(lambda key: key),
        }
        shape = Shape("profile", Profile, counted(Profile, books=len(BOOKS)), parse)
        return {"the profile": await client.ask("profiles", prompt, shape, values)}

    def gate(key: str, profile: Profile, done: dict[str, Profile]) -> str | None:
        return wrong(profile, taken)

    found = await repaired(["the profile"], ask, gate, generation.attempts, tally)
    return candidate.model_copy(update={"profile": found["the profile"]})
