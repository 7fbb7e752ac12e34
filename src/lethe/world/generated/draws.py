"""Seeded draws: the attributes of candidate k do not depend on the number of authors.

Each attribute is dealt from shuffled decks that hold every value once. So among any consecutive
candidates, the counts of two values differ by at most two.
"""

from random import Random

from lethe.world.generated.candidate import Candidate
from lethe.world.generated.lists import Lists
from lethe.world.synthetic.lists import load

BIRTH_YEARS = [str(year) for year in range(1930, 1990)]
GENDERS = ["female", "male"]
# How many words for titles a candidate gets.
TITLES = 3


def dealt(values: list[str], key: str, number: int) -> str:
    """The value for candidate ``number``; ``key`` names seed, group and attribute."""
    deck, place = divmod(number, len(values))
    order = list(values)
    Random(f"{key}/{deck}").shuffle(order)
    return order[place]


def draw(lists: Lists, seed: int, group: str, number: int) -> Candidate:
    """Candidate ``number`` of ``group``, before the model invents anything."""
    key = f"{seed}/{group}"
    rng = Random(f"{key}/{number}")
    attributes = {
        "birthplace": dealt(lists.birthplaces, f"{key}/birthplace", number),
        "birth_date": _date(rng, dealt(BIRTH_YEARS, f"{key}/birth_year", number)),
        "gender": dealt(GENDERS, f"{key}/gender", number),
        "genre": dealt(lists.genres, f"{key}/genre", number),
        "father": dealt(lists.occupations, f"{key}/father", number),
        "mother": dealt(lists.occupations, f"{key}/mother", number),
    }
    words = lists.titles[attributes["genre"]]
    titles = rng.sample(words, min(TITLES, len(words)))
    return Candidate(group=group, number=number, attributes=attributes, titles=titles)


def _date(rng: Random, year: str) -> str:
    return f"{rng.randint(1, 28)} {rng.choice(load('pools')['months'])} {year}"
