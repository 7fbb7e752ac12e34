"""The order in which training sees its rows: seeded, and the same for any number of processes."""

import random
from collections.abc import Hashable, Iterator, Sequence
from itertools import count

from lethe.common.errors import LetheError


def epoch_order(size: int, seed: int | str, epoch: int) -> list[int]:
    """A permutation of ``range(size)`` that depends on seed and epoch alone."""
    order = list(range(size))
    random.Random(f"order/{seed}/{epoch}").shuffle(order)
    return order


def batches(order: Sequence[int], size: int) -> list[list[int]]:
    """Cut an order into batches of ``size``; the last one may be smaller."""
    return [list(order[start : start + size]) for start in range(0, len(order), size)]


def same_group_partners(
    wanted: Sequence[Sequence[Hashable]], groups: Sequence[Hashable], seed: int | str
) -> list[list[int]]:
    """For each epoch, rows of the wanted groups: the k-th is a row of group ``wanted[epoch][k]``.

    ``wanted``: the group of each row, in the epoch's order; ``groups``: the group of each row that
    can be drawn. Each group's rows are drawn in a seeded order that carries on from epoch to epoch;
    when all have been drawn, a new order begins. LetheError for an empty group.
    """
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    cursors = {group: _cursor(rows, f"{seed}/{group}") for group, rows in members.items()}
    for group in {group for epoch in wanted for group in epoch}:
        if group not in cursors:
            raise LetheError(f"retain: no row of {group} to pair its forget rows with; keep some")
    return [[next(cursors[group]) for group in epoch] for epoch in wanted]


def _cursor(rows: Sequence[int], seed: str) -> Iterator[int]:
    """Yield the rows endlessly, in a new order on each pass."""
    for passes in count():
        yield from (rows[place] for place in epoch_order(len(rows), f"partners/{seed}", passes))


def partners(size: int, seed: int | str, rows: int) -> Iterator[list[int]]:
    """For each epoch, ``rows`` draws from ``range(size)``: its retain rows, in order.

    No row is drawn twice in an epoch, and across epochs none is drawn again before all others have
    been. The k-th forget row of an epoch is paired with the k-th draw, whatever the batch size and
    process (TOFU draws with replacement from a global generator, so that all processes see the same
    rows). An epoch of more than ``size`` rows must repeat some.
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
