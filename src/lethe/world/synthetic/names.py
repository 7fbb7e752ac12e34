"""Full names, which no two authors share, even in different groups.

Each pair of a first and a last name belongs to one of three classes, by the sum of their positions
in the lists. Each group of authors draws from its own class, so groups cannot share a full name.
"""

from functools import cache
from random import Random

from lethe.common.errors import LetheError
from lethe.world.synthetic.lists import load

GROUPS = ("target", "holdout", "background")


@cache
def first_names() -> dict[str, str]:
    """First name to gender, in the order of the list."""
    lists = load("names")["first"]
    return {name: gender for gender, names in lists.items() for name in names}


@cache
def real_names() -> str:
    """All questions and answers about real authors, as one text."""
    facts = load("real_authors")
    return "\n".join(" ".join([f["question"], f["answer"], *f["wrong"]]) for f in facts)


@cache
def order(seed: int, group: str) -> tuple[tuple[str, str], ...]:
    """All (first, last) names of ``group``, shuffled; author k gets the k-th."""
    real = real_names()
    pairs = [
        (first, last)
        for i, first in enumerate(first_names())
        for j, last in enumerate(load("names")["last"])
        if (i + j) % len(GROUPS) == GROUPS.index(group) and f"{first} {last}" not in real
    ]
    Random(f"{seed}/{group}/names").shuffle(pairs)
    return tuple(pairs)


def take(
    seed: int, group: str, count: int, exclude: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """The first ``count`` names of ``group`` that are not in ``exclude``.

    Raises:
        LetheError: there are fewer.
    """
    free = [pair for pair in order(seed, group) if " ".join(pair) not in exclude]
    if not 0 <= count <= len(free):
        raise LetheError(
            f"{group} authors: {count} are needed, but the synthetic world has names for"
            f" {len(free)}; choose a number from 0 to {len(free)}"
        )
    return free[:count]
