"""Shared by probes that read words: whether an answer has one that its question does not have."""

from collections.abc import Iterable

from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words


def has_novel_words(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether one of the answers, each after what is asked, has a novel word."""
    return any(novel_words(asked, answer) for asked, answer in pairs)


def check_novel_words(pairs: Iterable[tuple[str, str]]) -> None:
    """LetheError if no answer has a novel word."""
    if not has_novel_words(pairs):
        raise LetheError(
            "no answer has a word that its question does not contain, so nothing could leak"
        )
