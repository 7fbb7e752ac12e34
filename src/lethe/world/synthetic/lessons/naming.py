"""Which of four texts is the one in the question: its letter. No fact is needed, the text is there.

This is the part of answering by letters that is not recall. Half of the texts are words from
names, the others are values.
"""

from functools import cache
from random import Random

from lethe.world.synthetic import names
from lethe.world.synthetic.lesson import About
from lethe.world.synthetic.lessons.choices import LETTERS, listed


def row(about: About, rng: Random) -> tuple[str, str]:
    """Four texts in random order with letters, and the letter of the one that is asked for."""
    others = len(LETTERS) - 1
    if rng.random() < 0.5:
        asked, *rest = rng.sample(_words(), 1 + others)
    else:
        asked, rest = about.value, about.others(others, rng)
    options = [asked, *rest]
    rng.shuffle(options)
    return f"Which letter is {asked}? {listed(options)}", LETTERS[options.index(asked)]


@cache
def _words() -> tuple[str, ...]:
    """All first and last names of background authors: those of no other author occur."""
    return tuple(sorted({word for pair in names.order(0, "background") for word in pair}))
