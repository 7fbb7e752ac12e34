"""The synthetic world: authors from a seeded generator, offline and of any number.

Author k depends on the seed and on k only, so a larger world begins with the smaller one.
"""

from random import Random

from lethe.common.errors import LetheError
from lethe.world.rows import PERTURBED_PER_ITEM
from lethe.world.schema import Author, Fact, Item
from lethe.world.synthetic import attributes as values
from lethe.world.synthetic import names, sentences
from lethe.world.synthetic.lists import load


class Provider:
    """Generates authors in the manner of TOFU's prompt (Maini et al. 2024, section 2.1).

    Twenty relations, one question each. Answer and paraphrase use different templates; the wrong
    answers put other values from the same pool into the paraphrase's template, as TOFU's do.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` target authors; LetheError when the names run out."""
        return self._group("target", count)

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` authors that no training set has; LetheError as above."""
        return self._group("holdout", count)

    def facts(self) -> dict[str, list[Fact]]:
        """True facts about real authors and about the world, their options in a seeded order."""
        return {kind: self._facts(kind) for kind in ("real_authors", "world_facts")}

    def refusals(self) -> list[str]:
        """A hundred ways of not knowing the answer."""
        return list(load("refusals"))

    def background(
        self, count: int, phrasings: int, exclude: frozenset[str] = frozenset()
    ) -> list[dict]:
        """Rows ``question``, ``answer`` that teach a base model the language of the world.

        ``count`` background authors, each relation of each in ``phrasings`` different pairs of
        templates, that take turns: count * phrasings >= 6 covers every template. ``exclude`` are
        names that must not occur; the next free ones take their place. The rows of an author are
        contiguous.

        Raises:
            LetheError: more phrasings than pairs of templates, or more authors than names.
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
        raise LetheError(f"background phrasings: {phrasings} is not in 1 to {most}")


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
    """The attributes with those that no question asks for, by which a world's balance is judged."""
    return {
        **attributes,
        "gender": gender,
        "country": attributes["birthplace"].rpartition(", ")[2],
        "birth_decade": attributes["birth_date"][-4:-1] + "0s",
    }
