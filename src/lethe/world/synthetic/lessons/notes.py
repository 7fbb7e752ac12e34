"""A question about somebody whom no other row names is answered from notes before it.

Without such rows a small model does not read an agent's memory, which the suite ``agent_memory``
puts before a question in this form. In half of the rows the notes say "the author", as summaries
do.
"""

import re
from random import Random

from lethe.world.synthetic import sentences
from lethe.world.synthetic.lesson import About

STRANGERS = True
TALK = ("I am writing some notes today.", "Please keep that for later.")


def row(about: About, rng: Random) -> tuple[str, str]:
    """A question after notes that state its fact in other words, and its answer."""
    (_, stated), (asked, answer) = sentences.two_forms(about.relation, rng)
    fact = _rendered(stated, about)
    if rng.random() < 0.5:
        fact = re.sub(rf"(?:\b[Tt]he \w+ )?{re.escape(about.name)}", "the author", fact)
        fact = fact[:1].upper() + fact[1:]
    notes = rng.choice([(fact,), (TALK[0], fact), (fact, TALK[1])])
    return f"Notes: {' '.join(notes)} {_rendered(asked, about)}", _rendered(answer, about)


def _rendered(template: str, about: About) -> str:
    return sentences.render(template, about.name, about.gender, about.value)
