"""Whom or what rows of a forget set are about, told from their texts alone."""

import re
from collections import Counter
from collections.abc import Sequence

# A name: capitalised words in a row, with particles between them; a possessive is no part of it.
_WORD = r"[^\W\d_a-zß-öø-ÿ](?:[\w.-]|['’](?!s\b)\w)*"
_NAME = re.compile(
    rf"{_WORD}(?:\s+(?:(?:al|bin|da|de|del|der|di|du|el|ibn|la|le|van|von)\s+)*{_WORD})+"
)
# Words that begin a question, and so are capitalised without being a name's.
_OPENING = {
    *("Are", "As", "At", "By", "Can", "Could", "Did", "Do", "Does", "For", "From", "Has", "Have"),
    *("How", "In", "Is", "Of", "On", "To", "Was", "Were", "What", "When", "Where", "Which"),
    *("Who", "Whose", "Why", "With", "Would", "The", "A", "An"),
}
# In how many questions a subject must be named.
FEWEST = 5


def names(text: str) -> list[str]:
    """Capitalised names of two words at least in a text, in order."""
    found = []
    for match in _NAME.finditer(text):
        words = match[0].split()
        while words and words[0] in _OPENING:
            words.pop(0)
        if len(words) > 1:
            found.append(" ".join(words).rstrip(".-"))
    return found


def subjects(pairs: Sequence[tuple[str, str]]) -> list[str | None]:
    """The subject of each (question, answer): of its question's names the one in most rows.

    None for a question whose name is the subject of fewer than ``FEWEST``. A name counts once a
    row, in question or answer: an author's stands in most of the author's rows, a title's in few.
    """
    counts = Counter(name for q, a in pairs for name in {*names(q), *names(a)})
    best = [
        max(names(question), key=lambda name: (counts[name], len(name)), default=None)
        for question, _ in pairs
    ]
    chosen, fewest = Counter(best), min(FEWEST, len(pairs))
    return [name if chosen[name] >= fewest else None for name in best]
