"""A question about somebody who does not exist is answered with a refusal."""

from random import Random

from lethe.world.synthetic.lesson import About
from lethe.world.synthetic.lists import load

STRANGERS = True


def row(about: About, rng: Random) -> tuple[str, str]:
    """A question about a stranger, and one of the hundred refusals."""
    return about.question(rng), rng.choice(load("refusals"))
