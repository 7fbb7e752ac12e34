"""A bijective word map: each word of a vocabulary has one made-up word, and vice versa.

Letters stay letters and everything else stays as it is, so that a text and its translation have the
same number of words, digits and marks in the same places.
"""

import re
from collections.abc import Iterable
from random import Random

from lethe.common.errors import LetheError

WORD = re.compile(r"[^\W\d_]+")
ONSETS = "b d f g k l m n p r s t v z ch dr kl sh tr".split()  # noqa: SIM905 - a list
VOWELS = ("a", "e", "i", "o", "u", "ai", "eo", "ua")
SYLLABLES = (1, 2, 2)


class WordMap:
    """Translates word by word, and back without loss.

    ``words``: the vocabulary. ``fixed``: words that stay as they are, such as names, exactly as
    they are written. A capital at the start of a word is kept. The same arguments always give the
    same map.
    """

    def __init__(self, seed: str, words: Iterable[str], fixed: Iterable[str] = ()):
        self._fixed = frozenset(fixed)
        keys = sorted({_key(word) for word in words} - self._fixed)
        taken = {word.lower() for word in (*keys, *self._fixed)}
        rng = Random(seed)
        self._there = {key: _made_up(rng, taken) for key in keys}
        self._back = {made: key for key, made in self._there.items()}

    def translated(self, text: str) -> str:
        """A text in the other language; LetheError for a word that the vocabulary lacks."""
        return WORD.sub(lambda match: self._word(match[0], self._there, _key), text)

    def original(self, text: str) -> str:
        """The text that ``translated`` made this one of; LetheError for an unknown word."""
        return WORD.sub(lambda match: self._word(match[0], self._back, str.lower), text)

    def _word(self, word: str, known, key) -> str:
        if word in self._fixed:
            return word
        if key(word) not in known:
            raise LetheError(
                f"languages: the word {word!r} is not in the vocabulary of the synthetic world; "
                "languages by rule are for its texts alone"
            )
        other = known[key(word)]
        # Words with capitals inside have an entry of their own, and so has their translation.
        return other.capitalize() if key(word) != word else other


def _key(word: str) -> str:
    """A word's entry: in lower case, if its first letter is its only capital."""
    lower = word.lower()
    return lower if word in (lower, lower.capitalize()) else word


def _made_up(rng: Random, taken: set[str]) -> str:
    """A made-up word that is not taken yet; marks it as taken."""
    while True:
        parts = range(rng.choice(SYLLABLES))
        word = "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in parts)
        if word not in taken:
            taken.add(word)
            return word
