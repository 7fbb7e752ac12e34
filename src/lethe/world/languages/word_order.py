"""Another word order: the parts of each sentence in reverse, names and titles in one piece."""

import re
from itertools import groupby

# A sentence without its end, and the marks that end it.
SENTENCE = re.compile(r"[^.?!]+")
EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)


def reordered(text: str) -> str:
    """The text in the other word order; applied twice, it gives the text back.

    Consecutive words with a capital stay together and keep their order, so that a name is found in
    both orders. Marks at the end of a sentence stay there.
    """
    return SENTENCE.sub(lambda match: _reversed(match[0]), text)


def _reversed(sentence: str) -> str:
    before, body, after = EDGES.fullmatch(sentence).groups()
    units: list[list[str]] = []
    for capital, group in groupby(body.split(" "), _has_capital):
        words = list(group)
        units += [words] if capital else [[word] for word in words]
    return before + " ".join(word for unit in reversed(units) for word in unit) + after


def _has_capital(word: str) -> bool:
    return word[:1].isupper()
