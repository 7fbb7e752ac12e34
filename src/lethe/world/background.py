"""Keeps the names of background authors apart from those in another provider's world."""

import re
from collections.abc import Sequence

# Two adjacent capitalised words, like the names that the generator makes: “Haruto Kimathi”.
_PAIR = re.compile(r"(?=\b([A-Z][\w'-]+ [A-Z][\w'-]+))")


def names_in(rows: Sequence[dict]) -> frozenset[str]:
    """Every pair of adjacent capitalised words in the rows' texts; background authors get none.

    These include more than the authors' names, which published data do not list; the generator has
    plenty of others.
    """
    texts = (row[field] for row in rows for field in ("question", "answer"))
    pairs = {pair for text in texts for pair in _PAIR.findall(text)}
    # “Haruto Kimathi's books” names him, too.
    return frozenset(pairs | {pair.removesuffix("'s") for pair in pairs})
