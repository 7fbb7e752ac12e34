"""The order in which training sees its rows: seeded, and the same for any number of processes."""

import random
from collections.abc import Iterator, Sequence

from lethe.common.errors import LetheError


def epoch_order(size: int, seed: int | str, epoch: int) -> list[int]:
    """A permutation of ``range(size)`` that depends on seed and epoch alone."""
    order = list(range(size))
    random.Random(f"order/{seed}/{epoch}").shuffle(order)
    return order


def batches(order: Sequence[int], size: int) -> list[list[int]]:
    """Cut an order into batches of ``size``; the last one may be smaller."""
    return [list(order[start : start + size]) for start in range(0, len(order), size)]


def partners(size: int, seed: int | str, rows: int) -> Iterator[list[int]]:
    """For each epoch, ``rows`` draws from ``range(size)``: its retain rows, in order.

    No row is drawn twice in an epoch, nor before all others have been drawn, across epochs. The
    k-th forget row of an epoch is paired with the k-th draw, whatever the batch size and process
    (TOFU draws with replacement from a global generator, so that all processes see the same rows).
    An epoch of more than ``size`` rows must repeat some.
    """
    if size < 1:
        raise LetheError("retain: no rows to pair the forget rows with; give a larger retain set")
    waiting: list[int] = []
    passes = 0
    while True:
        drawn, waiting = waiting[:rows], waiting[rows:]
        while len(drawn) < rows:
            order = epoch_order(size, f"partners/{seed}", passes)
            passes += 1
            # Rows already drawn in this epoch come last in the new pass.
            order.sort(key=set(drawn).__contains__)
            cut = rows - len(drawn)
            drawn, waiting = drawn + order[:cut], order[cut:]
        yield drawn
