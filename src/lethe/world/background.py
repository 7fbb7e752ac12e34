"""Keeping background authors apart from the authors of another provider's world."""

import re
from collections.abc import Sequence

# Two adjacent capitalised words, as names of the generator are: “Haruto Kimathi”, “Ana Le”.
_PAIR = re.compile(r"(?=\b([A-Z][\w'-]+ [A-Z][\w'-]+))")


def names_in(rows: Sequence[dict]) -> frozenset[str]:
    """Every pair of adjacent capitalised words in rows' texts: no background author is called so.

    More than the authors' names, which published data do not list; the generator has plenty.
    """
    texts = (row[field] for row in rows for field in ("question", "answer"))
    return frozenset(pair for text in texts for pair in _PAIR.findall(text))
