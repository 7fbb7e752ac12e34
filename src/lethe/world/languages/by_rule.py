"""The languages of the synthetic world, which are made by rule and can be undone exactly.

L1 has other words (``word_map``), L2 another word order (``word_order``), L3 both: the words of L1
in the order of L2, so a model that knows both has met everything in L3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from lethe.world.languages.word_map import WORD, WordMap
from lethe.world.languages.word_order import reordered
from lethe.world.synthetic.lists import load
from lethe.world.synthetic.names import first_names
from lethe.world.synthetic.sentences import POSSESSIVES

# The word lists of questions and answers about authors; names are kept in all languages.
LISTS = ("phrasings", "pools", "cities", "genres", "titles")
ARTICLES = ("a", "an")


@dataclass(frozen=True)
class Rule:
    """A language: whether its ``words`` and its ``order`` differ from those of the world's own."""

    words: bool
    order: bool


RULES = {"L1": Rule(True, False), "L2": Rule(False, True), "L3": Rule(True, True)}


def translated(text: str, language: str, seed: int = 0) -> str:
    """A text of the synthetic world with this seed in another language, one of ``RULES``.

    LetheError for a word that is not in the world's lists.
    """
    rule = RULES[language]
    text = _words(seed).translated(text) if rule.words else text
    return reordered(text) if rule.order else text


def original(text: str, language: str, seed: int = 0) -> str:
    """The text that ``translated`` made this one of."""
    rule = RULES[language]
    text = reordered(text) if rule.order else text
    return _words(seed).original(text) if rule.words else text


@cache
def _words(seed: int) -> WordMap:
    names = [*first_names(), *load("names")["last"]]
    unchanged = {word for name in names for word in WORD.findall(name)}
    texts = [text for name in LISTS for text in _texts(load(name))]
    words = {word for text in texts for word in WORD.findall(text)}
    return WordMap(f"{seed}/languages/words", words | {*POSSESSIVES, *ARTICLES}, unchanged)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a list, the keys of mappings included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
