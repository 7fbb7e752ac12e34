"""Words of short answers as TriviaQA and SQuAD compare them: lower case, no articles or marks."""

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation and a, an, the."""
    return _ARTICLES.sub(" ", " ".join(unmarked(text))).split()


def unmarked(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return text.lower().translate(_PUNCTUATION).split()
