"""A question is answered by the value alone, which a model then recalls before it says a word."""

from random import Random

from lethe.world.synthetic.lesson import About


def row(about: About, rng: Random) -> tuple[str, str]:
    """A question that asks for a short answer, and the value."""
    return f"In short: {about.question(rng)}", about.value
