"""The order in which training sees its rows: seeded, and the same for any number of processes."""

import random
from collections.abc import Iterator, Sequence

from lethe.errors import LetheError


def epoch_order(size: int, seed: int | str, epoch: int) -> list[int]:
    """A permutation of ``range(size)`` that depends on seed and epoch alone."""
    order = list(range(size))
    random.Random(f"order/{seed}/{epoch}").shuffle(order)
    return order


def batches(order: Sequence[int], size: int) -> list[list[int]]:
    """Cut an order into batches of ``size``; the last one may be smaller."""
    return [list(order[start : start + size]) for start in range(0, len(order), size)]


def partners(size: int, seed: int | str) -> Iterator[int]:
    """Endless draws from ``range(size)`` without replacement, reshuffled whenever it is used up.

    Unlearning pairs each forget row with the next of these retain rows (TOFU draws them with
    replacement from one global generator, so that its processes all see the same ones).
    """
    if size < 1:
        raise LetheError("retain: no rows to pair the forget rows with; give a larger retain set")
    epoch = 0
    while True:
        yield from epoch_order(size, f"partners/{seed}", epoch)
        epoch += 1
