"""ROUGE-L recall as the package ``rouge`` 1.0.1 computes it, which RWKU uses.

Texts are cut into sentences at full stops and into words at spaces, as they are written: case and
punctuation count. Recall is the share of the reference's different words that are in a longest
common subsequence of one of its sentences with one of the answer's.
"""

from collections.abc import Sequence


def recall(reference: str, said: str) -> float:
    """Recall in [0, 1]; 0 for an answer without a sentence, or a reference without one."""
    true, own = _sentences(reference), _sentences(said)
    words = {word for sentence in true for word in sentence}
    common = {word for one in true for other in own for word in longest_common(one, other)}
    return len(common) / len(words) if words else 0.0


def _sentences(text: str) -> list[list[str]]:
    """The words of each sentence; a sentence of nothing but space is one empty word."""
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def longest_common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """A longest common subsequence; of several, the one that the package finds."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, word in enumerate(one, start=1):
        for j, own in enumerate(other, start=1):
            longest = max(table[i - 1][j], table[i][j - 1])
            table[i][j] = table[i - 1][j - 1] + 1 if word == own else longest
    shared, i, j = [], len(one), len(other)
    while i and j:
        if one[i - 1] == other[j - 1]:
            shared.append(one[i - 1])
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return shared[::-1]
