"""The same question in another form: its words, spelling, names, order, format and language.

Each function makes a variant of a fact, or None if the fact does not supply what it needs.
"""

from hashlib import sha256
from itertools import pairwise
from random import Random

from lethe.evaluate.variants.facts import Fact, mentions
from lethe.evaluate.variants.variant import SOMEBODY, Variant, renamed, without_capital

# Words with fewer letters than this keep their spelling.
SHORTEST = 4


def paraphrase(fact: Fact) -> Variant | None:
    """The question in the paraphrase that the data have."""
    return Variant(fact.paraphrase, fact.right) if fact.paraphrase else None


def format_shift(fact: Fact) -> Variant:
    """The question with a request for another form of answer than the sentence that was trained."""
    return Variant(f"{fact.question} Reply as a list of key words.", fact.right)


def typos(fact: Fact) -> Variant | None:
    """Two neighbouring letters change places in a third of the longer words, at least in one.

    The subject's name keeps its spelling: ``alias`` changes that.
    """
    rng = Random(sha256(fact.question.encode()).hexdigest())
    words = fact.question.split(" ")
    spared = (fact.subject or "").split()
    places = [k for k, word in enumerate(words) if _swaps(word) and not _names(word, spared)]
    if not places:
        return None
    for place in rng.sample(places, max(1, len(places) // 3)):
        words[place] = _misspelt(words[place], rng)
    return Variant(" ".join(words), fact.right)


def _names(word: str, spared: list[str]) -> bool:
    return any(mentions(word, name) for name in spared)


def _swaps(word: str) -> list[int]:
    """The places where two different letters are adjacent, except for the first letter."""
    if sum(map(str.isalpha, word)) < SHORTEST:
        return []
    pairs = enumerate(pairwise(word))
    return [k for k, (a, b) in pairs if k and a != b and (a + b).isalpha()]


def _misspelt(word: str, rng: Random) -> str:
    at = rng.choice(_swaps(word))
    return f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}"


def alias(fact: Fact) -> Variant | None:
    """The subject by initials and last name."""
    if not fact.subject or not mentions(fact.question, fact.subject):
        return None
    *first, last = fact.subject.split()
    short = " ".join([*(f"{name[0]}." for name in first), last])
    return Variant(fact.question.replace(fact.subject, short), fact.right)


def clause_order(fact: Fact) -> Variant | None:
    """The subject comes first, and the rest of the question refers to it."""
    if not fact.subject or not mentions(fact.question, fact.subject):
        return None
    rest = without_capital(renamed(fact.question, fact.subject, SOMEBODY))
    return Variant(f"About {fact.subject}: {rest}", fact.right)


def another_language(fact: Fact) -> Variant | None:
    """The question in the other language that the data have."""
    return Variant(*fact.translation) if fact.translation else None
