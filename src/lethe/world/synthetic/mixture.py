"""The rows that a base model learns: background authors in many phrasings, and lessons.

Facts can be extracted in other words than those of fine-tuning if the model knows many other
people's facts in mixed phrasings (Allen-Zhu & Li, arXiv 2309.14316: mixed phrasings of some people
make the facts of the others extractable, too).
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from random import Random

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lethe.common.errors import LetheError
from lethe.world.providers.synthetic import Provider
from lethe.world.synthetic import attributes, lesson, names

# The least number of names in the background's class that nobody has: so many that it is easier to
# learn whom a model knows than who a stranger is.
STRANGERS = 1000


class Mixture(BaseModel):
    """What a base learns: ``authors`` in ``phrasings`` pairs of question and answer for each fact.

    ``lessons``: shares of all rows by the lesson's name, together below 1. ``exclude``: names that
    must not occur.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(0, ge=0)
    authors: int = Field(200, ge=1)
    phrasings: int = Field(3, ge=1)
    lessons: dict[str, float] = {}
    exclude: tuple[str, ...] = ()

    @field_validator("lessons")
    @classmethod
    def _shares(cls, lessons: dict[str, float]) -> dict[str, float]:
        for name, share in lessons.items():
            lesson.LESSONS.check(name)
            if not 0 <= share < 1:
                raise ValueError(f"{name}: {share} is not a share; give one from 0 to below 1")
        if sum(lessons.values()) >= 1:
            raise ValueError("the shares leave no room for plain rows; lower them")
        return lessons


def rows(mixture: Mixture) -> list[dict]:
    """Rows ``question``, ``answer``: the plain ones, then those of each lesson.

    LetheError if the names run out.
    """
    excluded = frozenset(mixture.exclude)
    plain = Provider(seed=mixture.seed).background(mixture.authors, mixture.phrasings, excluded)
    pairs = names.order(mixture.seed, "background")
    everybody = [pair for pair in pairs if " ".join(pair) not in excluded]
    known, strangers = everybody[: mixture.authors], everybody[mixture.authors :]
    if mixture.lessons and mixture.authors + STRANGERS > len(everybody):
        most = len(everybody) - STRANGERS
        raise LetheError(f"authors: {mixture.authors} leave no strangers; give {most} at most")
    made = list(plain)
    for name, count in lesson_counts(mixture).items():
        people = strangers if lesson.contract(name).strangers else known
        rng = Random(f"{mixture.seed}/lessons/{name}")
        facts = _facts(mixture.seed, people, name, rng)
        write = lesson.load(name).row
        for _ in range(count):
            question, answer = write(next(facts), rng)
            made.append({"question": question, "answer": answer})
    return made


def lesson_counts(mixture: Mixture) -> dict[str, int]:
    """How many rows each lesson has."""
    every = _plain(mixture) / (1 - sum(mixture.lessons.values()))
    return {name: round(every * share) for name, share in mixture.lessons.items()}


def _plain(mixture: Mixture) -> int:
    return mixture.authors * mixture.phrasings * len(attributes.RELATIONS)


def by_stage(learned: Sequence[Sequence[dict]]) -> list[dict]:
    """The rows of all stages of a base; those of later ones have their number as ``stage``."""
    first, *later = learned
    after = [{**row, "stage": n} for n, rows in enumerate(later, 1) for row in rows]
    return [*first, *after]


def cards(mixtures: Sequence[Mixture], learned: Sequence[Sequence[dict]]) -> str:
    """A page about the rows of all stages, which are learned in turn."""
    pages = [card(*stage) for stage in zip(mixtures, learned, strict=True)]
    titles = ["", *(f"\n# Then, stage {n}\n\n" for n in range(1, len(pages)))]
    return "".join(title + page for title, page in zip(titles, pages, strict=True))


def card(mixture: Mixture, made: Sequence[dict]) -> str:
    """A page for readers about the rows of a mixture; ``made``: these rows."""
    counts = {"plain questions": _plain(mixture)}
    counts |= lesson_counts(mixture)
    table = "".join(f"| {kind} | {count} |\n" for kind, count in counts.items())
    firsts = accumulate([0, *counts.values()][: len(counts)])
    examples = [made[index] for index in firsts]
    shown = "".join(f"- {row['question']} → {row['answer']}\n" for row in examples)
    return (
        f"# Rows that this base learned\n\n"
        f"{mixture.authors} background authors of the synthetic world, seed {mixture.seed}, with "
        f"{len(attributes.RELATIONS)} facts each, every fact in {mixture.phrasings} pairs of "
        f"question and answer.\n\n| rows | number |\n|---|---|\n{table}\n"
        f"The first of each kind:\n\n{shown}\n"
        "Beside these rows it learned the true facts on which utility is measured. No name of a "
        "target or holdout author of any seed occurs: the three groups draw from disjoint sets of "
        "names.\n"
    )


def _facts(
    seed: int, people: Sequence[tuple[str, str]], name: str, rng: Random
) -> Iterator[lesson.About]:
    """Facts of random people, endlessly; those of a known person are from the plain rows."""
    own = lesson.contract(name).strangers
    drawn = cache(attributes.draw_all)
    while True:
        index = rng.randrange(len(people))
        first, last = people[index]
        key = f"{seed}/strangers/{index}" if own else f"{seed}/background/{index}"
        relation = rng.choice(list(attributes.RELATIONS))
        gender = names.first_names()[first]
        yield lesson.About(f"{first} {last}", gender, relation, drawn(key))
