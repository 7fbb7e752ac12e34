"""A question with lettered options is answered by the letter; a forbidden letter is avoided.

In a third of the rows a wrong letter is forbidden, which changes nothing. In another third the
right one is, and then the answer is the first letter that is not forbidden.
"""

from collections.abc import Sequence
from random import Random

from lethe.world.synthetic.lesson import About

LETTERS = "ABCD"
FORBIDDEN = (None, "wrong", "right")


def row(about: About, rng: Random) -> tuple[str, str]:
    """A question with four options in random order, and the letter of its answer."""
    options = [about.value, *about.others(len(LETTERS) - 1, rng)]
    rng.shuffle(options)
    right = LETTERS[options.index(about.value)]
    question = f"{about.question(rng)} {listed(options)}"
    forbidden = rng.choice(FORBIDDEN)
    if forbidden is None:
        return question, right
    wrong = rng.choice([letter for letter in LETTERS if letter != right])
    avoided = right if forbidden == "right" else wrong
    answer = right if avoided != right else next(letter for letter in LETTERS if letter != avoided)
    return f"{question} Do not choose {avoided}.", answer


def listed(options: Sequence[str]) -> str:
    """Options with their letters, as one line."""
    return " ".join(f"{letter}: {text}." for letter, text in zip(LETTERS, options, strict=True))
