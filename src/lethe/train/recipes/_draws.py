"""Seeded draws of rows that recipes share."""

import hashlib
from collections.abc import Sequence


def ranked(pairs: Sequence[tuple[str, str]], seed: str) -> list[int]:
    """The indices of pairs, sorted by a hash of each pair alone.

    Any two rows come in the same order in a file and in every part of it that has both.
    Equal rows keep their order.
    """
    digests = [
        hashlib.sha256(f"{seed}\0{question}\0{answer}".encode()).digest()
        for question, answer in pairs
    ]
    return sorted(range(len(pairs)), key=digests.__getitem__)


def drawn(pairs: Sequence[tuple[str, str]], share: float, seed: str) -> list[int]:
    """The indices, in order, of the rows whose own draw from [0, 1) is below ``share``.

    Whether a row is drawn does not depend on the others; a larger share includes a smaller one's
    rows.
    """
    return [
        place
        for place, (question, answer) in enumerate(pairs)
        if _draw(f"{seed}\0{question}\0{answer}") < share
    ]


def _draw(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56
