"""The synthetic world in families of five, whose relations follow from each other (EDU-RELAT).

Authors 5f to 5f + 4 are a grandfather, a grandmother, their daughter, her husband, and the daughter
of these two. Four of the twenty questions about each ask who a relative is, in one phrasing, so
that what is stated can be read back (``lethe.world.families``); the others are those of the
provider ``synthetic``.
"""

from random import Random

from lethe.common.errors import LetheError
from lethe.world import families
from lethe.world.families import Fact
from lethe.world.providers import synthetic
from lethe.world.rows import PERTURBED_PER_ITEM
from lethe.world.schema import Author, Item
from lethe.world.synthetic import names

AVOIDS_BACKGROUND = True
LIKE = "synthetic"

SIZE = 5
# Members by their place, with gender and their relations to the places of others.
GENDERS = ("male", "female", "female", "male", "female")
MEMBERS = (
    {"wife": 1, "daughter": 2, "son-in-law": 3, "granddaughter": 4},
    {"husband": 0, "daughter": 2, "son-in-law": 3, "granddaughter": 4},
    {"father": 0, "mother": 1, "husband": 3, "daughter": 4},
    {"father-in-law": 0, "mother-in-law": 1, "wife": 2, "daughter": 4},
    {"grandfather": 0, "grandmother": 1, "mother": 2, "father": 3},
)
# The questions of the synthetic world that questions about relatives replace.
REPLACED = ("hobby", "first_job", "writing_hour", "mentor")
PARAPHRASED = "Whom does {subject} have as {relation}?", "{other} is the {relation} of {subject}."
# Wrong answers come from this many names, which other people have, too.
WRONG_AMONG = 300


class Provider(synthetic.Provider):
    """Author k depends only on the seed and on k, as in the synthetic world."""

    def _group(self, group: str, count: int) -> list[Author]:
        people = self._people(group, count)
        return [self._member(group, place, people) for place in range(count)]

    def _people(self, group: str, count: int) -> list[tuple[str, str]]:
        """First and last names of all members of as many families as ``count`` authors need."""
        wanted = -(-count // SIZE) * SIZE
        free = {
            gender: iter([p for p in names.order(self.seed, group) if _gender(p) == gender])
            for gender in set(GENDERS)
        }
        people = [next(free[GENDERS[place % SIZE]], None) for place in range(wanted)]
        if None in people:
            raise LetheError(
                f"{group} authors: {count} are needed, but there are names for families of "
                f"{people.index(None)}; choose fewer"
            )
        return people

    def _member(self, group: str, place: int, people: list[tuple[str, str]]) -> Author:
        author = self._author(f"{self.seed}/{group}/{place}", people[place])
        family = people[place - place % SIZE :][:SIZE]
        own = MEMBERS[place % SIZE]
        facts = [
            Fact(relation, author.name, " ".join(family[other])) for relation, other in own.items()
        ]
        others = [item for item in author.items if item.relation not in REPLACED]
        asked = [self._item(group, fact, {" ".join(one) for one in family}) for fact in facts]
        return Author(author.name, author.attributes, (*others, *asked))

    def _item(self, group: str, fact: Fact, family: set[str]) -> Item:
        """The question about a relative; wrong answers name other people of the same gender."""
        rng = Random(f"{self.seed}/{group}/{fact.subject}/{fact.relation}")
        question, answer = families.said(fact)
        gender = "male" if fact.relation in families.MALE else "female"
        others = [p for p in names.order(self.seed, group) if _gender(p) == gender][:WRONG_AMONG]
        free = [name for name in map(" ".join, others) if name not in family]
        wrong = rng.sample(free, PERTURBED_PER_ITEM)
        other_question, other_answer = (text.format(**fact._asdict()) for text in PARAPHRASED)
        return Item(
            question=question,
            answer=answer,
            paraphrased_question=other_question,
            paraphrased_answer=other_answer,
            perturbed_answer=tuple(
                PARAPHRASED[1].format(**fact._replace(other=name)._asdict()) for name in wrong
            ),
            relation=fact.relation,
        )


def _gender(pair: tuple[str, str]) -> str:
    return names.first_names()[pair[0]]
