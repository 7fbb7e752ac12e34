"""Pictures as tokens: each patch of a picture is a token, whose number names the picture.

The numbers are far beyond every vocabulary, so whatever packs, compares or shares tokens works on
texts with pictures as on others; only the embedding of a model that sees (``lethe.model.sight``)
knows what they stand for. They never are labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.picture_marks import BEGIN, MARK, digests_in
from lethe.model import attached

# The first number of a patch, and the bits of a patch's number within its picture.
FIRST, PATCH_BITS = 1 << 61, 14


@dataclass(frozen=True)
class PictureTokens:
    """How the tokenizer of a model that sees writes a picture.

    ``token``: the one whose places in ``Shown.text`` patches take; ``reader``
    (``picture_reader.PictureReader``): says what a picture becomes.
    """

    token: int
    reader: Any

    @property
    def text(self) -> str:
        """What chat templates write for a picture."""
        return self.reader.written


def tokens_of(digest: str, patches: int) -> list[int]:
    """The numbers of a picture's patches."""
    first = FIRST + (int(digest, 16) << PATCH_BITS)
    return list(range(first, first + patches))


def without_patches(ids: Sequence[int]) -> list[int]:
    """The tokens of a text that are words, not patches of a picture."""
    return [token for token in ids if token < FIRST]


def digest_of(number: int) -> str:
    """The digest of the picture of which ``number`` is ``(token - FIRST) >> PATCH_BITS``."""
    return f"{number:012x}"


def room(tokenizer: Any, question: str) -> int:
    """How many tokens the pictures of a question are; they count towards no limit of length."""
    shown = digests_in(question)
    return sum(_size(tokenizer, _known(tokenizer), digest) for digest in shown) if shown else 0


def _size(tokenizer: Any, known: PictureTokens, digest: str) -> int:
    """How many tokens a picture is, those of its marks included."""
    shown = known.reader.shown(digest)
    written = tokenizer(shown.text, add_special_tokens=False).input_ids
    return len(written) - len(shown.counts) + shown.inputs


def placed(tokenizer: Any, texts: list[str]) -> tuple[list[str], list[list[str]] | None]:
    """Texts with a tokenizer's own text in place of each mark, and the digests of their marks.

    None in place of the digests: no text has a picture. LetheError if the model sees no pictures.
    """
    if not any(BEGIN in text for text in texts):
        return texts, None
    reader = _known(tokenizer).reader
    for text in texts:
        if text.count(BEGIN) != len(digests_in(text)):
            raise LetheError(
                f"pictures: the mark of one was changed in {text[:60]!r}; leave out what rewrites "
                "questions"
            )
    written = [MARK.sub(lambda mark: reader.shown(mark[1]).text, text) for text in texts]
    return written, list(map(digests_in, texts))


def expanded(
    tokenizer: Any, encoded: Sequence[Sequence[int]], digests: Sequence[Sequence[str]]
) -> list[list[int]]:
    """Token ids of texts, in which patches take the place of each picture's token."""
    known = _known(tokenizer)
    return [_filled(ids, shown, known) for ids, shown in zip(encoded, digests, strict=True)]


def _filled(ids: Sequence[int], digests: Sequence[str], known: PictureTokens) -> list[int]:
    if not digests:
        return list(ids)
    counts = [count for digest in digests for count in known.reader.shown(digest).counts]
    if ids.count(known.token) != len(counts):
        raise LetheError(
            f"pictures: a text with {len(digests)} of them has places for {len(counts)} pieces, "
            f"but {known.text!r} {ids.count(known.token)} times, so their places are not known; "
            "take it out of the text, or choose another template"
        )
    patches = iter([number for digest in digests for number in _numbers(known, digest)])
    waiting = iter(counts)
    return [
        number
        for token in ids
        for number in (islice(patches, next(waiting)) if token == known.token else (token,))
    ]


def _numbers(known: PictureTokens, digest: str) -> list[int]:
    return tokens_of(digest, known.reader.shown(digest).inputs)


def _known(tokenizer: Any) -> PictureTokens:
    known = attached.tokenizer_state(tokenizer).pictures
    if known is None:
        raise LetheError(
            "pictures: rows show pictures, but the model reads text alone; choose a model that "
            "sees (docs/pictures.md), or rows without pictures"
        )
    return known
