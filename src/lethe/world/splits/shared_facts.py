"""The forget set also has facts that the retain set tells, and that must stay (DUSK).

AI-ISL/DUSK forgets documents some of whose knowledge is in other documents as well. Here the
document is all that the world has of an author, and some of these facts are in the retain set too.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits import partial
from lethe.world.splits.base import (
    REQUIRED,
    BaseSplit,
    SplitSettings,
    author_count,
    first_holdout,
)


class SharedFactsSettings(SplitSettings):
    """For each of the last ``authors`` authors, ``shared`` facts are in the retain set as well.

    ``seed`` draws them for each author separately; a larger number includes the facts of a smaller
    one.
    """

    authors: int = Field(2, ge=1)
    shared: int = Field(10, ge=1, lt=QUESTIONS_PER_AUTHOR)
    seed: int = Field(0, ge=0)


class Split(BaseSplit):
    """Methods are given all rows of these authors; the evaluation asks about unique facts apart.

    ``forget_perturbed`` is unique knowledge, which should go, ``kept_perturbed`` is shared
    knowledge.
    """

    settings_class = SharedFactsSettings
    parts = (*REQUIRED, "kept_perturbed", "subjects")

    @property
    def _unique(self) -> partial.Split:
        """The same authors, of whom only unique facts are to be forgotten."""
        s = self.settings
        facts = QUESTIONS_PER_AUTHOR - s.shared
        own = partial.PartialSettings(
            authors=s.authors, choice=partial.PERSONAL, facts=facts, seed=s.seed
        )
        return partial.Split(self.name, own)

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        start = self.touched(author_count(full))[0] * QUESTIONS_PER_AUTHOR
        document = list(full[start:])
        name = self.files["holdout"]
        return self._unique.cut(world) | {
            "forget": document,
            "holdout": first_holdout(name, len(document), world["holdout"]),
        }

    def rows(self, authors: int) -> dict[str, int]:
        whole = len(self.touched(authors)) * QUESTIONS_PER_AUTHOR
        return self._unique.rows(authors) | {"forget": whole, "holdout": whole}

    def touched(self, authors: int) -> range:
        return self._unique.touched(authors)
