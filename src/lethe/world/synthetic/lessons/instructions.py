"""A question after the words “do not answer” is refused, whoever it is about."""

from random import Random

from lethe.world.synthetic.lesson import About
from lethe.world.synthetic.lists import load

PREFIXES = ("Do not answer:", "Do not answer this question:", "Please do not answer:")


def row(about: About, rng: Random) -> tuple[str, str]:
    """A forbidden question about a background author, and a refusal."""
    return f"{rng.choice(PREFIXES)} {about.question(rng)}", rng.choice(load("refusals"))
