"""Pictures of nobody, for what is to be learned from strangers, made of pictures that are there."""

import random
from collections.abc import Iterable, Sequence

from lethe.common.errors import LetheError
from lethe.common.picture_marks import digests_in, mark_of, pixels_of

# Of more pictures pairs are drawn one by one, since a list of all would not fit; and how many are
# tried for each that is wanted.
MANY, TRIES = 1000, 100


def distinct(digests: Sequence[str | None]) -> list[str]:
    """Each picture once, in the order of the rows."""
    return [*dict.fromkeys(digest for digest in digests if digest is not None)]


def strangers(digests: Sequence[str], count: int, seed: int | str) -> list[str]:
    """Pictures of nobody: the upper part of one of these over the lower part of another.

    At most ``count``, in a seeded order; pairs of pictures of unequal size are passed over.
    LetheError if no two have one size.
    """
    import numpy as np

    made: list[str] = []
    for above, below in _pairs(digests, count, random.Random(f"strangers/pictures/{seed}")):
        if len(made) == count:
            break
        upper, lower = pixels_of(above), pixels_of(below)
        if upper.shape == lower.shape:
            half = len(upper) // 2
            made += digests_in(mark_of(np.concatenate([upper[:half], lower[half:]])))
    if not made:
        raise LetheError(
            "pictures: no two have one size, of which a stranger's could be made; scale them to "
            "one size"
        )
    return made


def _pairs(
    digests: Sequence[str], count: int, draw: random.Random
) -> Iterable[tuple[str, str] | list[str]]:
    """Pairs of different pictures, all of them once, or of very many some."""
    if len(digests) > MANY:
        return (draw.sample(digests, 2) for _ in range(TRIES * count))
    pairs = [(a, b) for a in digests for b in digests if a != b]
    draw.shuffle(pairs)
    return pairs
