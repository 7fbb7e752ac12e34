"""Pictures of nobody, for what is to be learned from strangers, made of pictures that are there."""

import random
from collections.abc import Sequence

from lethe.common.errors import LetheError
from lethe.common.picture_marks import digests_in, mark_of, pixels_of


def distinct(digests: Sequence[str | None]) -> list[str]:
    """Each picture once, in the order of the rows."""
    return [*dict.fromkeys(digest for digest in digests if digest is not None)]


def strangers(digests: Sequence[str], count: int, seed: int | str) -> list[str]:
    """Pictures of nobody: the upper part of one of these over the lower part of another.

    At most ``count``, in a seeded order; pairs of pictures of unequal size are passed over.
    LetheError if no two have one size.
    """
    import numpy as np

    pairs = [(a, b) for a in digests for b in digests if a != b]
    random.Random(f"strangers/pictures/{seed}").shuffle(pairs)
    made: list[str] = []
    for above, below in pairs:
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
