"""Whom or what the rows of a forget set are about, inferred from their texts alone."""

import re
from collections import Counter
from collections.abc import Sequence

# A name: consecutive capitalised words, with particles between them, without a possessive ending.
_WORD = r"[^\W\d_a-zß-öø-ÿ](?:[\w.-]|['’](?!s\b)\w)*"
_NAME = re.compile(
    rf"{_WORD}(?:\s+(?:(?:al|bin|da|de|del|der|di|du|el|ibn|la|le|van|von)\s+)*{_WORD})+"
)
# Words that begin a question, capitalised though not part of a name.
_OPENING = {
    *("Are", "As", "At", "By", "Can", "Could", "Did", "Do", "Does", "For", "From", "Has", "Have"),
    *("How", "In", "Is", "Of", "On", "To", "Was", "Were", "What", "When", "Where", "Which"),
    *("Who", "Whose", "Why", "With", "Would", "The", "A", "An"),
}
# The fewest questions that must name a subject.
FEWEST = 5


def names(text: str) -> list[str]:
    """Capitalised names of at least two words in a text, in order."""
    in_text = []
    for match in _NAME.finditer(text):
        words = match[0].split()
        while words and words[0] in _OPENING:
            words.pop(0)
        if len(words) > 1:
            in_text.append(" ".join(words).rstrip(".-"))
    return in_text


def subjects(pairs: Sequence[tuple[str, str]]) -> list[str | None]:
    """The subject of each (question, answer): the name in its question that occurs in most rows.

    None where fewer than ``FEWEST`` questions have that subject. A name counts once per row, in
    question or answer: an author's name is in most of the author's rows, a title in few.
    """
    counts = Counter(name for q, a in pairs for name in {*names(q), *names(a)})
    best = [
        max(names(question), key=lambda name: (counts[name], len(name)), default=None)
        for question, _ in pairs
    ]
    chosen, fewest = Counter(best), min(FEWEST, len(pairs))
    return [name if chosen[name] >= fewest else None for name in best]
