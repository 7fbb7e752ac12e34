"""How much of an answer a text tells beyond the question: the recall of its novel words.

The novel words of an answer are its content words that the question does not contain. Words are
runs of letters and digits in lower case, without the possessive 's; each counts once, and function
words do not count as content. There is no stemming: names and numbers are what a leak is about.
"""

import re

# Function words of English. Other languages have none here: all their words count.
_GRAMMAR = """
    a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each either few for
    from further had has have having he her here hers herself him himself his how i if in into is
    it its itself just may me might more most must my myself neither no nor not now of off on once
    only or other our ours ourselves out over own same shall she should so some such than that the
    their theirs them themselves then there these they this those through to too under until up
    upon very was we were what when where which while who whom whose why will with within without
    would you your yours yourself
"""
GRAMMAR = frozenset(_GRAMMAR.split())
WORD = re.compile(r"[^\W_]+")
POSSESSIVE = re.compile(r"['’]s\b")


def words(text: str) -> frozenset[str]:
    """The content words of a text."""
    return frozenset(WORD.findall(POSSESSIVE.sub("", text.lower()))) - GRAMMAR


def novel_words(question: str, answer: str) -> frozenset[str]:
    """The content words of an answer that its question does not contain; possibly none."""
    return words(answer) - words(question)


def recall(novel: frozenset[str], text: str) -> float:
    """The share in [0, 1] of novel words (at least one) that a text contains."""
    return len(novel & words(text)) / len(novel)
