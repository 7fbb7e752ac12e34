"""Background authors of the generator, for a base model: disjoint from the authors of a world."""

from pathlib import Path

from lethe.common.files import write_rows
from lethe.world.background import names_in
from lethe.world.providers.synthetic import Provider
from lethe.world.rows import read_qa


def write_background(
    out: str | Path,
    *,
    seed: int,
    authors: int,
    phrasings: int,
    apart_from: str | Path | None = None,
) -> None:
    """Write the rows of so many background authors, each fact in so many ``phrasings``.

    ``apart_from``: a file of rows whose names none of them may have; a synthetic world of the same
    seed needs none.
    """
    taken = names_in(read_qa(apart_from)) if apart_from else frozenset()
    write_rows(out, Provider(seed=seed).background(authors, phrasings, exclude=taken))
