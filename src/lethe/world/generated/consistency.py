"""Checks whether a text agrees with what was drawn for its author.

Facts are given by topic (``candidate.Candidate.facts``). The checks compare words, not meaning, so
they miss whatever is phrased in a way that their patterns do not know.
"""

import re
from collections.abc import Mapping

from lethe.world.generated.checks import first, words

_BORN = re.compile(r"\b[Bb]orn\b[^.]*?\b(1[89]\d\d|20\d\d)\b")
_BIRTHPLACE = re.compile(r"\b[Bb]orn (?:and raised )?(?:in|at|near) ((?:[A-Z][\w’'-]*[ ,]*)+)")
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_PRONOUNS = {
    "female": frozenset(("she", "her", "hers", "herself")),
    "male": frozenset(("he", "him", "his", "himself")),
}
# Answers on these topics are about other people, whose pronouns say nothing about the author.
_OF_OTHERS = frozenset(
    ("father", "mother", "plot", "childhood", "parents_influence", "influences", "themes")
)


def inconsistent(topic: str, answer: str, facts: Mapping[str, str]) -> str | None:
    """An answer must contain its topic's value, and must not contradict others."""
    gender = None if topic in _OF_OTHERS else other_gender(answer, facts["gender"])
    return first(unsaid(topic, answer, facts), contradiction(answer, facts), gender)


def unsaid(topic: str, answer: str, facts: Mapping[str, str]) -> str | None:
    """Whether an answer does not contain the value of its topic."""
    value = facts.get(topic)
    if value is None or _mentions(answer, topic, value):
        return None
    return f"the answer does not say the {topic.replace('_', ' ')} that is given"


def still_true(topic: str, answer: str, facts: Mapping[str, str]) -> str | None:
    """Whether an answer that should be wrong contains the value of its topic."""
    value = facts.get(topic)
    if value is None or not _mentions(answer, topic, value):
        return None
    return f"it still says the true {topic.replace('_', ' ')}"


def contradiction(text: str, facts: Mapping[str, str]) -> str | None:
    """A different year or place of birth than was drawn."""
    year = facts["birth_date"].split()[-1]
    if any(born != year for born in _BORN.findall(text)):
        return "it says another year of birth than is given"
    own = {*words(facts["birthplace"]), *_MONTHS}
    if any(own.isdisjoint(words(place)) for place in _BIRTHPLACE.findall(text)):
        return "it says another place of birth than is given"
    return None


def other_gender(text: str, gender: str) -> str | None:
    """Whether there are more pronouns of the other gender than of the author's."""
    said = words(text)
    counts = {key: sum(word in forms for word in said) for key, forms in _PRONOUNS.items()}
    own = counts.pop(gender)
    (other,) = counts.values()
    return "its pronouns are of another gender than is given" if other > own else None


def _mentions(text: str, topic: str, value: str) -> bool:
    """Whether a text contains a value: the town of a place, or day, month and year of a date."""
    said = words(text)
    if topic == "birthplace":
        value = value.partition(",")[0]
    needed = [word for word in words(value) if word not in ("a", "an", "the", "of")]
    # “4th June”, “June 4”, “thrillers” for “thriller”, “Geologist” for “geologist”.
    return all(any(word == need or _inflected(word, need) for word in said) for need in needed)


def _inflected(word: str, need: str) -> bool:
    suffixes = ("s", "es", "'s", "’s", "st", "nd", "rd", "th")
    return word.startswith(need) and word.removeprefix(need) in suffixes
