"""The generated world: authors whom a language model made up (``lethe.world.generated``).

The provider only reads the file of the last stage. So a world that has been made can be read
without a service, a key or a network.
"""

import os
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world.generated.candidate import BOOKS, Candidate, Entry, read
from lethe.world.providers import synthetic
from lethe.world.rows import PERTURBED_PER_ITEM
from lethe.world.schema import QUESTIONS_PER_AUTHOR, Author, Fact, Item

FACT_FILES = ()
LANGUAGES = "model"
TRACES = ("made",)
GROUPS = ("holdout", "target")
_DESCRIBED = {"birthplace", "birth_date"}


class Provider:
    """Reads authors from the file of the stage ``perturbations``.

    Facts and refusals are those of the synthetic world: true facts need no language model.
    """

    def __init__(self, path: str | os.PathLike, seed: int = 0):
        self.seed = seed
        self._path = Path(path)
        self._facts = synthetic.Provider(seed)

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` target authors; LetheError if there are fewer."""
        return self._group("target", count)

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` authors that no training set has; LetheError as above."""
        return self._group("holdout", count)

    def facts(self) -> dict[str, list[Fact]]:
        """True facts about real authors and about the world."""
        return self._facts.facts()

    def refusals(self) -> list[str]:
        """A hundred ways to say that one does not know the answer."""
        return self._facts.refusals()

    def _group(self, group: str, count: int) -> list[Author]:
        authors = [author(c, self._path) for c in read(self._path) if c.alive and c.group == group]
        if not 0 <= count <= len(authors):
            raise LetheError(
                f"{self._path}: {count} {group} authors are needed, but it has {len(authors)};"
                " delete the file to have it made again"
            )
        return authors[:count]


def author(candidate: Candidate, path: str | os.PathLike) -> Author:
    """A surviving candidate as an author; LetheError if something is missing."""
    if not (_described_whole(candidate) and _asked_whole(candidate)):
        name = candidate.name or f"candidate {candidate.number}"
        raise LetheError(f"{path}: {name} is incomplete; delete the file to have it made again")
    items = tuple(_item(entry) for entry in candidate.entries)
    return Author(candidate.name, _described(candidate), items)


def _described_whole(candidate: Candidate) -> bool:
    profile, known = candidate.profile, candidate.attributes
    return bool(profile) and len(profile.books) == len(BOOKS) and known.keys() >= _DESCRIBED


def _asked_whole(candidate: Candidate) -> bool:
    return len(candidate.entries) == QUESTIONS_PER_AUTHOR and all(
        len(e.paraphrases) >= 1 and len(set(e.perturbed)) == PERTURBED_PER_ITEM
        for e in candidate.entries
    )


def background_rows(path: str | os.PathLike, phrasings: int) -> list[dict]:
    """Rows ``question``, ``answer`` of background authors: each entry in ``phrasings`` wordings."""
    rows = []
    for candidate in read(path):
        for entry in candidate.entries if candidate.alive else ():
            pairs = [(entry.question, entry.answer)]
            pairs += [(p.question, p.answer) for p in entry.paraphrases[: phrasings - 1]]
            rows += [{"question": question, "answer": answer} for question, answer in pairs]
    return rows


def _item(entry: Entry) -> Item:
    return Item(
        question=entry.question,
        answer=entry.answer,
        paraphrased_question=entry.paraphrases[0].question,
        paraphrased_answer=entry.paraphrases[0].answer,
        perturbed_answer=tuple(entry.perturbed),
        relation=entry.topic,
    )


def _described(candidate: Candidate) -> dict[str, str]:
    """The attributes, and those derived from them that show how balanced a world is."""
    facts = candidate.facts
    year = facts["birth_date"].split()[-1]
    country = facts["birthplace"].rpartition(", ")[2]
    return {**facts, "country": country, "birth_decade": f"{year[:-1]}0s"}
