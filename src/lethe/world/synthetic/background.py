"""Writes background authors for a base model; none of them is an author of a world."""

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
    """Write the rows of background authors, each fact in ``phrasings`` wordings.

    ``apart_from``: a file of rows in which their names must not occur; not needed for a synthetic
    world with the same seed.
    """
    taken = names_in(read_qa(apart_from)) if apart_from else frozenset()
    write_rows(out, Provider(seed=seed).background(authors, phrasings, exclude=taken))
