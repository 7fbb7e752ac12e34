"""Where the tokens of a text are in it, whatever the tokenizer. No torch is imported here."""

from collections.abc import Sequence
from itertools import pairwise

Span = tuple[int, int]


def token_places(tokenizer, ids: Sequence[int]) -> tuple[str, list[Span]]:
    """The text of tokens, and the characters [from, to) of it that each token covers.

    The text of the first k tokens tells where the next begins. If a character takes several tokens,
    each of them covers it.
    """
    texts = [
        tokenizer.decode(ids[:k], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        for k in range(len(ids) + 1)
    ]
    ends = [len(text) for text in texts]
    return texts[-1], [(max(0, min(begin, end - 1)), end) for begin, end in pairwise(ends)]
