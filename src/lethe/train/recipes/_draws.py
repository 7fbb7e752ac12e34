"""Draws that recipes share."""

import hashlib
from collections.abc import Sequence


def ranked(pairs: Sequence[tuple[str, str]], seed: str) -> list[int]:
    """The places of pairs in an order that is each pair's own, whatever others there are.

    So the first share of a file's rows is, among the rows of a part of that file, the same rows.
    Equal rows keep their order.
    """
    digests = [
        hashlib.sha256(f"{seed}\0{question}\0{answer}".encode()).digest()
        for question, answer in pairs
    ]
    return sorted(range(len(pairs)), key=digests.__getitem__)


def drawn(pairs: Sequence[tuple[str, str]], share: float, seed: str) -> list[int]:
    """The places of the rows, in their order, whose own draw from [0, 1) is below ``share``.

    A row is drawn or not whatever others there are, and a larger share has the rows of a smaller.
    """
    return [
        place
        for place, (question, answer) in enumerate(pairs)
        if _draw(f"{seed}\0{question}\0{answer}") < share
    ]


def _draw(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56
