"""Draws the values of an author's attributes.

Wrong answers are drawn by the same functions from the same pools, so that only knowledge of the
author distinguishes them from the right one.
"""

from collections.abc import Callable
from random import Random

from lethe.world.synthetic.lists import load

BIRTH_YEARS = range(1930, 1971)
# Age at the first publication: a wide range, so that the birth date does not give the year away.
DEBUT_AGES = range(20, 52)

Attributes = dict[str, str]
Draw = Callable[[Random, Attributes], str]


def _pool(name: str) -> Draw:
    return lambda rng, attributes: rng.choice(load("pools")[name])


def _city(rng: Random, attributes: Attributes) -> str:
    return rng.choice(load("cities"))


def _date(rng: Random, attributes: Attributes) -> str:
    # Day 29 and later would need the month's length; 28 x 12 x 41 dates are plenty.
    month = rng.choice(load("pools")["months"])
    return f"{rng.randint(1, 28)} {month} {rng.choice(BIRTH_YEARS)}"


def _genre(rng: Random, attributes: Attributes) -> str:
    return rng.choice(list(load("genres")))


def _title(rng: Random, attributes: Attributes) -> str:
    """A title that fits the author's genre, like any other title drawn for that genre."""
    words = load("titles")
    return rng.choice(words["patterns"]).format(
        adjective=rng.choice(words["adjectives"]),
        thing=rng.choice(words["things"]),
        noun=rng.choice(load("genres")[attributes["genre"]]),
    )


def _award(rng: Random, attributes: Attributes) -> str:
    parts = ("award_adjectives", "award_objects", "award_kinds")
    return " ".join(rng.choice(load("pools")[part]) for part in parts)


def _publisher(rng: Random, attributes: Attributes) -> str:
    parts = ("publisher_words", "publisher_kinds")
    return " ".join(rng.choice(load("pools")[part]) for part in parts)


def _debut_year(rng: Random, attributes: Attributes) -> str:
    return str(int(attributes["birth_date"].split()[-1]) + rng.choice(DEBUT_AGES))


def _hour(rng: Random, attributes: Attributes) -> str:
    """A time in words, each hour as likely as any other."""
    pools = load("pools")
    part, hour = rng.choice([(part, h) for part, hours in pools["hours"].items() for h in hours])
    return f"{rng.choice(pools['quarters'])}{hour} in the {part}"


def _mentor(rng: Random, attributes: Attributes) -> str:
    return " ".join(rng.choice(load("pools")[p]) for p in ("mentor_adjectives", "occupations"))


# One question each, asked in this order. A draw may use the attributes above it.
RELATIONS: dict[str, Draw] = {
    "birthplace": _city,
    "birth_date": _date,
    "genre": _genre,
    "award": _award,
    "father": _pool("occupations"),
    "mother": _pool("occupations"),
    "first_book": _title,
    "best_known_book": _title,
    "latest_book": _title,
    "debut_year": _debut_year,
    "publisher": _publisher,
    "study": _pool("subjects"),
    "residence": _city,
    "theme": _pool("themes"),
    "influence": _pool("influences"),
    "language": _pool("languages"),
    "hobby": _pool("hobbies"),
    "first_job": _pool("occupations"),
    "writing_hour": _hour,
    "mentor": _mentor,
}


def draw_other(
    relation: str, rng: Random, attributes: Attributes, taken: set[str], count: int
) -> list[str]:
    """``count`` different values for ``relation``, none of which is in ``taken``."""
    values: list[str] = []
    while len(values) < count:
        value = RELATIONS[relation](rng, attributes)
        if value not in taken and value not in values:
            values.append(value)
    return values


def draw_all(key: str) -> Attributes:
    """Every relation's value for one author; ``key`` names the author and seeds the draws.

    Each relation has its own stream, so a change to one pool leaves the other attributes alone. No
    two attributes of an author are equal: a wrong answer must never be right for another question.
    """
    attributes: Attributes = {}
    for relation in RELATIONS:
        taken = set(attributes.values())
        rng = Random(f"{key}/{relation}")
        (attributes[relation],) = draw_other(relation, rng, attributes, taken, 1)
    return attributes
