"""Lessons: kinds of rows that a base model learns beside plain questions about background authors.

A lesson is a module of ``lethe.world.synthetic.lessons`` with one function:

    row(about, rng) -> (question, answer)       one row about one fact (``About``)

and may declare in a literal constant

    STRANGERS = True        its rows are about invented names, which no plain row is about

How many rows of each a base learns is a share of all its rows (``mixture.Mixture``).
"""

from dataclasses import dataclass
from random import Random

from lethe.common.registry import Registry
from lethe.world.synthetic import attributes as values
from lethe.world.synthetic import sentences


@dataclass(frozen=True)
class Contract:
    """What a lesson declares."""

    strangers: bool = False


LESSONS = Registry("lethe.world.synthetic.lessons", "lesson", Contract)
names, load, contract = LESSONS.names, LESSONS.load, LESSONS.contract


@dataclass(frozen=True)
class About:
    """A fact: an author, one relation and its value; for a stranger, what the value could be."""

    name: str
    gender: str
    relation: str
    attributes: values.Attributes

    @property
    def value(self) -> str:
        """The right value."""
        return self.attributes[self.relation]

    def question(self, rng: Random) -> str:
        """The question, in one of the relation's phrasings."""
        asked = rng.choice(sentences.templates(self.relation)[0])
        return sentences.render(asked, self.name, self.gender, self.value)

    def others(self, count: int, rng: Random) -> list[str]:
        """``count`` different wrong values, none of which is another attribute of the author."""
        taken = set(self.attributes.values())
        return values.draw_other(self.relation, rng, self.attributes, taken, count)
