"""Shared by probes whose metric leaves some questions out: the places of the others."""

from collections.abc import Iterable, Sequence


def places(asked: Sequence[str], among: Iterable[str]) -> list[int]:
    """The place of each question ``asked`` among all, which are in the same order.

    By order and not by text alone, since data may put one question about two authors.
    """
    left = enumerate(among)
    return [next(place for place, question in left if question == one) for one in asked]
