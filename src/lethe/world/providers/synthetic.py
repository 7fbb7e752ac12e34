"""The synthetic world: any number of authors from a seeded generator, without a network.

Author k depends only on the seed and on k, so a larger world begins with the authors of a smaller
one.
"""

from random import Random

from lethe.common.errors import LetheError
from lethe.world.rows import PERTURBED_PER_ITEM
from lethe.world.schema import Author, Fact, Item
from lethe.world.synthetic import attributes as values
from lethe.world.synthetic import names, sentences
from lethe.world.synthetic.lists import load

# Target, holdout and background authors draw from disjoint sets of names.
AVOIDS_BACKGROUND = True
LANGUAGES = "rule"
TRACES = ("made",)


class Provider:
    """Generates authors like those that TOFU's prompt asks for (Maini et al. 2024, section 2.1).

    There are twenty relations with one question each. Answer and paraphrase use different
    templates; as in TOFU, the wrong answers put other values from the same pool into the
    paraphrase's template.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` target authors; LetheError if the names run out."""
        return self._group("target", count)

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` authors that no training set has; LetheError as above."""
        return self._group("holdout", count)

    def facts(self) -> dict[str, list[Fact]]:
        """True facts about real authors and about the world, with options in a seeded order."""
        return {kind: self._facts(kind) for kind in ("real_authors", "world_facts")}

    def refusals(self) -> list[str]:
        """A hundred ways to say that one does not know the answer."""
        return list(load("refusals"))

    def background(
        self, count: int, phrasings: int, exclude: frozenset[str] = frozenset()
    ) -> list[dict]:
        """Rows ``question``, ``answer`` that teach a base model the language of the world.

        There are ``count`` background authors. Each relation of an author is phrased with
        ``phrasings`` different pairs of templates, which take turns: count * phrasings >= 6 covers
        every template. ``exclude``: names that must not occur; the next free ones replace them. The
        rows of an author are contiguous.

        Raises:
            LetheError: there are fewer pairs of templates than phrasings, or fewer names than
                authors.
        """
        _check_phrasings(phrasings)
        rows: list[dict] = []
        for index, pair in enumerate(names.take(self.seed, "background", count, exclude)):
            rows += self._background_rows(index, pair, phrasings)
        return rows

    def _group(self, group: str, count: int) -> list[Author]:
        pairs = names.take(self.seed, group, count)
        return [self._author(f"{self.seed}/{group}/{k}", pair) for k, pair in enumerate(pairs)]

    def _author(self, key: str, pair: tuple[str, str]) -> Author:
        name, gender = " ".join(pair), names.first_names()[pair[0]]
        attributes = values.draw_all(key)
        items = tuple(_item(key, relation, name, gender, attributes) for relation in attributes)
        return Author(name, _described(attributes, gender), items)

    def _background_rows(self, index: int, pair: tuple[str, str], phrasings: int) -> list[dict]:
        name, gender = " ".join(pair), names.first_names()[pair[0]]
        attributes = values.draw_all(f"{self.seed}/background/{index}")
        rows = []
        for relation, value in attributes.items():
            pairs = sentences.rotation(relation)
            for turn in range(index * phrasings, (index + 1) * phrasings):
                question, answer = pairs[turn % len(pairs)]
                rows.append(
                    {
                        "question": sentences.render(question, name, gender, value),
                        "answer": sentences.render(answer, name, gender, value),
                    }
                )
        return rows

    def _facts(self, kind: str) -> list[Fact]:
        facts = []
        for entry in load(kind):
            options = [entry["answer"], *entry["wrong"]]
            Random(f"{self.seed}/{kind}/{entry['question']}").shuffle(options)
            facts.append(Fact(entry["question"], entry["answer"], tuple(options)))
        return facts


def _check_phrasings(phrasings: int) -> None:
    most = min(len(sentences.rotation(relation)) for relation in values.RELATIONS)
    if not 1 <= phrasings <= most:
        raise LetheError(
            f"background phrasings: {phrasings}, but 1 to {most} are possible; choose one of these"
        )


def _item(key: str, relation: str, name: str, gender: str, attributes: dict[str, str]) -> Item:
    rng = Random(f"{key}/{relation}/item")
    (question, answer), (other_question, other_answer) = sentences.two_forms(relation, rng)
    value = attributes[relation]
    wrong = values.draw_other(
        relation, rng, attributes, set(attributes.values()), PERTURBED_PER_ITEM
    )
    return Item(
        question=sentences.render(question, name, gender, value),
        answer=sentences.render(answer, name, gender, value),
        paraphrased_question=sentences.render(other_question, name, gender, value),
        paraphrased_answer=sentences.render(other_answer, name, gender, value),
        perturbed_answer=tuple(sentences.render(other_answer, name, gender, w) for w in wrong),
        relation=relation,
    )


def _described(attributes: dict[str, str], gender: str) -> dict[str, str]:
    """The attributes, and those not asked for by questions that show how balanced a world is."""
    return {
        **attributes,
        "gender": gender,
        "country": attributes["birthplace"].rpartition(", ")[2],
        "birth_decade": attributes["birth_date"][-4:-1] + "0s",
    }
