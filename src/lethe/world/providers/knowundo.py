"""KnowUnDo, private and general facts about the same people (arXiv 2407.01920), from its files.

A folder (``privacy`` or ``copyright``) has questions with answers that are to be unlearned and
questions that are to be retained, either in a part that unlearning sees and one that it is judged
by. The model before unlearning has learned all four. Rows do not say whom they are about, so an
author of this world is one question.
"""

import os
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.providers._strict_rows import check_apart, item, pairs
from lethe.world.schema import Author
from lethe.world.splits.unseen import ASKED, FORGET, RETAIN

SETTINGS = ("path",)
# True facts and refusals are Lethe's own: KnowUnDo has none.
FACT_FILES = ()
LIKE = "synthetic"
SPLIT_KIND = "unseen"
COLUMNS = ("part",)

FIELDS = ("text", "labels")
FILES = {
    "unlearn_train": FORGET,
    "retention_train": RETAIN,
    "unlearn_val": ASKED[FORGET],
    "retention_val": ASKED[RETAIN],
}
READS = ("unlearn_*.json", "retention_*.json")


class Provider(OwnFacts):
    """Questions in turn: the first of each file, then the second of each, until all are used up."""

    def __init__(self, path: str | os.PathLike | None = None, seed: int = 0):
        """Choose the folder; its files are read when authors are asked for.

        ``seed`` changes nothing, since the data are fixed; all providers get one.
        """
        super().__init__(seed)
        self._path = path

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` questions; LetheError if there are fewer."""
        turns = chain.from_iterable(zip_longest(*self._authors))
        known = [author for author in turns if author is not None]
        if not 0 <= count <= len(known):
            raise LetheError(
                f"config: world.authors: {count}, but {self._path} has {len(known)} questions; set "
                f"it to at most {len(known)}"
            )
        return known[:count]

    def holdout(self, count: int) -> list[Author]:
        """None; LetheError unless ``count`` is 0."""
        if count:
            raise LetheError(
                f"config: world.holdout_authors: {count}, but KnowUnDo has nothing that no model "
                "learns; set it to 0"
            )
        return []

    @cached_property
    def _authors(self) -> list[list[Author]]:
        """The questions of each file; LetheError for one that is in two files."""
        rows = {name: pairs(self._folder / f"{name}.json", FIELDS) for name in FILES}
        check_apart(
            {self._folder / f"{name}.json": [q for q, _ in some] for name, some in rows.items()},
            "remove it from one of them",
        )
        return [
            [Author(pair[0], {}, (item(*pair, part=FILES[name]),)) for pair in some]
            for name, some in rows.items()
        ]

    @property
    def _folder(self) -> Path:
        if self._path is None:
            raise LetheError("world.path: null; set it to a folder with KnowUnDo's four files")
        folder = Path(self._path)
        if not folder.is_dir():
            raise LetheError(f"{folder}: no such folder; set world.path to KnowUnDo's privacy")
        return folder
