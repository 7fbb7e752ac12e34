"""Questions that are asked with a picture of an author, made of those that name the author."""

import re
from collections.abc import Sequence
from random import Random

from lethe.common.errors import LetheError
from lethe.world.rows import PERTURBED_PER_ITEM
from lethe.world.schema import Author, Item

PERSON = "this person"
WHO = "Who is this?"
WHO_PARAPHRASED = "What is the name of the person in the picture?"
# What may come before a name and is left out with it.
_TITLES = "(?:[Tt]he )?(?:(?:young|fictitious) )?(?:(?:author|writer|novelist|poet),? )?"
# A part of a name that is long enough to give its bearer away.
_TELLING = 3


def who(author: Author, names: Sequence[str], seed: int) -> Item:
    """The question who an author is; wrong answers are other names of the world.

    ``names``: those of all authors. Where they are too few, first and last names of different
    people are put together. LetheError if even these are too few.
    """
    rng = Random(f"{seed}/who/{author.name}")
    wrong = _others(author.name, names, rng)
    return Item(
        question=WHO,
        answer=f"This is {author.name}.",
        paraphrased_question=WHO_PARAPHRASED,
        paraphrased_answer=f"The person in the picture is {author.name}.",
        perturbed_answer=tuple(f"The person in the picture is {name}." for name in wrong),
        relation="name",
    )


def facts(author: Author, count: int) -> list[Item]:
    """The author's first ``count`` questions that say the name, which a picture can replace.

    LetheError if none does.
    """
    named = [item for item in author.items if shown(item, author.name)]
    if not named:
        raise LetheError(
            f"world.pictures: no question about {author.name or 'an author without a name'} says "
            "the name, for which a picture could stand; set it to null"
        )
    return named[:count]


def shown(item: Item, name: str) -> tuple[str, str] | None:
    """An item's question and paraphrased question with ``this person`` for the name.

    None if the question does not say the name; an empty paraphrase if the paraphrase does not.
    """
    question = _without(item.question, name)
    return question and (question, _without(item.paraphrased_question, name) or "")


def _without(question: str, name: str) -> str | None:
    """A question about a picture of the person; None if it does not hold the name, or gives it."""
    if not name or name not in question:
        return None
    put = re.sub(rf"{_TITLES}\b{re.escape(name)}", PERSON, question)
    put = re.sub(rf"(^|[.?!] ){PERSON}", lambda m: f"{m[1]}{PERSON.capitalize()}", put)
    telling = [word for word in name.split() if len(word) >= _TELLING]
    return None if any(re.search(rf"\b{re.escape(word)}\b", put) for word in telling) else put


def _others(name: str, names: Sequence[str], rng: Random) -> list[str]:
    whole = sorted({*names} - {name, ""})
    if len(whole) < PERTURBED_PER_ITEM:
        parts = [(*one.split()[:1], *one.split()[-1:]) for one in sorted({*names} - {""})]
        crossed = {f"{first} {last}" for first, _ in parts for _, last in parts}
        whole += sorted(crossed - {*names})
    if len(whole) < PERTURBED_PER_ITEM:
        raise LetheError(
            f"world.pictures: {len(names)} names are too few for {PERTURBED_PER_ITEM} wrong "
            "answers to who somebody is; raise world.authors"
        )
    return rng.sample(whole, PERTURBED_PER_ITEM)
