"""MUSE, six-way evaluation of unlearning (arXiv 2407.06460), from a folder with its files.

One corpus (News or Books) is a folder of subsets, as the hub has them: ``raw``, ``verbmem``,
``knowmem``, ``privleak`` and, of News, ``scal`` and ``sust``. A text of ``raw``, ``scal`` or
``sust`` is an author of the world; its rows are pieces of the text, each with its first word as the
question and the rest as the answer, so that the template ``plain`` writes the piece as it is. What
is asked comes as holdout authors, on which no model is trained: one for each file.
"""

import logging
import os
import re
from collections.abc import Iterable
from functools import cached_property
from itertools import chain, pairwise, zip_longest
from pathlib import Path

from lethe.common.characters import fit, unfit
from lethe.common.errors import LetheError
from lethe.world.providers import _muse_files as files
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.schema import Author, Item
from lethe.world.splits.muse import (
    EXAMPLES,
    FORGET,
    OTHER,
    PART,
    RAW,
    RETAIN,
    SCAL,
    SETS,
    SUST,
    TEXT,
)

logger = logging.getLogger(__name__)

SETTINGS = ("path",)
# True facts and refusals are Lethe's own: MUSE has none.
FACT_FILES = ()
LIKE = "synthetic"
OWN_HOLDOUT = True
SPLIT_KIND = "muse"
PLAIN_TEXT = True
READS = ("*/*.json*", "*/*.parquet")
COLUMNS = ("part", "sets", "examples", "text")

# The splits of raw that models learn.
LEARNED = (FORGET, *RETAIN)
# How many words a row has at most unless world.chunk_words says so: about as many as the 2048
# tokens by which MUSE cuts its texts.
WORDS = 1000
# Fewer cannot be cut so that every piece has two words.
LEAST_WORDS = 8
# Characters of a whole text that stand for it where only a short answer fits.
SHOWN = 60
_WORD = re.compile(r"\S+\s*")


class Provider(OwnFacts):
    """Texts in turn: the first of forget, retain1 and retain2, then the second of each.

    A text that is published twice is in the world once; one that is to be forgotten is no retain
    text, wherever else it is. Texts of ``scal`` and ``sust`` that are not in ``raw`` come last.
    """

    def __init__(
        self,
        path: str | os.PathLike | None = None,
        seed: int = 0,
        chunk_words: int | None = None,
    ):
        """Choose the folder with the corpus's subsets.

        ``chunk_words``: how many words a row has at most (None: 1000). ``seed`` changes nothing,
        since the data are fixed; all providers get one. LetheError for fewer than 8 words; files
        are read when authors are asked for.
        """
        super().__init__(seed)
        self._words = WORDS if chunk_words is None else chunk_words
        if self._words < LEAST_WORDS:
            raise LetheError(f"world.chunk_words: {chunk_words}; set it to {LEAST_WORDS} or more")
        self._path = path

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` texts; LetheError if there are fewer."""
        known = self._texts
        if not 0 <= count <= len(known):
            raise LetheError(
                f"config: world.authors: {count}, but {self._path} has {len(known)} different "
                f"texts; set it to at most {len(known)}"
            )
        parts, sets = self._parts, self._sets
        return [self._author(text, parts[text], sets) for text in known[:count]]

    def holdout(self, count: int) -> list[Author]:
        """What is asked: an author for each file, whatever the ``count``."""
        folder = files.folder_of(self._path)
        asked = {
            "verbmem": _verbatim(folder),
            "knowmem_forget": _questions(folder, "forget"),
            "knowmem_retain": _questions(folder, "retain"),
            "privleak_forget": _whole(folder, "forget"),
            "privleak_holdout": _whole(folder, "holdout"),
        }
        return [Author(name, {}, tuple(items)) for name, items in asked.items()]

    @cached_property
    def _texts(self) -> list[str]:
        """Every text once, in the world's order."""
        parts = self._parts
        by_part = [[t for t, part in parts.items() if part == name] for name in LEARNED]
        in_turn = (text for turn in zip_longest(*by_part) for text in turn if text is not None)
        return [*in_turn, *(text for text, part in parts.items() if part == OTHER)]

    @cached_property
    def _parts(self) -> dict[str, str]:
        """The part of every text."""
        raw = files.folder_of(self._path) / "raw"
        parts: dict[str, str] = {}
        for name in LEARNED:
            for text in _readable(raw / name):
                parts.setdefault(text, name)
        for text in chain.from_iterable(self._sets.values()):
            parts.setdefault(text, OTHER)
        return parts

    @cached_property
    def _sets(self) -> dict[str, dict[str, None]]:
        """The texts of each forget set that the folder has: of raw, scal and sust."""
        folder = files.folder_of(self._path)
        places = {RAW: folder / "raw" / FORGET}
        for name in (*SCAL, *SUST):
            subset, _, number = name.partition("_")
            places[name] = folder / subset / f"forget_{number}"
        there = {name: place for name, place in places.items() if files.files_of(place)}
        return {name: dict.fromkeys(_readable(place)) for name, place in there.items()}

    def _author(self, text: str, part: str, sets: dict[str, dict[str, None]]) -> Author:
        within = " ".join(name for name, has in sets.items() if text in has)
        columns = ((PART, part), (SETS, within))
        pieces = (head_and_rest(piece) for piece in pieces_of(text, self._words))
        items = [_item(head, rest, columns) for head, rest in pieces]
        return Author(f"{part} {text[:SHOWN]}", {}, tuple(items))


def pieces_of(text: str, words: int) -> list[str]:
    """A text cut between words into pieces of at most so many words, nearly equally long."""
    parts = _WORD.findall(text)
    count = -(-len(parts) // words)
    cuts = [len(parts) * piece // count for piece in range(count + 1)]
    return ["".join(parts[start:end]).strip() for start, end in pairwise(cuts)]


def head_and_rest(text: str) -> tuple[str, str]:
    """A text of two or more words cut at its first single space, which is left out.

    The first word and the rest, unless the first words end in other white space. A text without
    any single space is cut after its first word, and the white space there is lost.
    """
    for match in re.finditer(r"(?<=\S) (?=\S)", text):
        return text[: match.start()], text[match.end() :]
    head, rest = text.split(maxsplit=1)
    return head, rest


def _readable(place: Path) -> list[str]:
    """The texts that models learn, without control characters, which no row may hold.

    MUSE has an empty text, and nothing can be learned from less than two words: they are left out.
    """
    published = files.texts(place, blank=True)
    whole = [text for text in published if len(text.split()) > 1]
    if len(whole) < len(published):
        missing = len(published) - len(whole)
        logger.warning("%s: %d texts have less than two words and are left out", place, missing)
    if not whole:
        raise LetheError(f"{place}: all its texts are empty; {files.AGAIN}")
    return [fit(text).strip() for text in whole]


def _item(question: str, answer: str, columns: Iterable[tuple[str, str]]) -> Item:
    return Item(question, answer, "", "", (), "", columns=tuple(columns))


def _verbatim(folder: Path) -> list[Item]:
    place = folder / "verbmem" / "forget"
    return [
        _asked(place, *row, (PART, "verbmem")) for row in files.columns(place, ("prompt", "gt"))
    ]


def _questions(folder: Path, kind: str) -> list[Item]:
    """The questions about one set, each with the examples that come before it."""
    place = folder / "knowmem" / f"{kind}_qa"
    pair = ("question", "answer")
    shown = files.columns(place.with_name(f"{place.name}_icl"), pair)
    before = "".join(f"Question: {question}\nAnswer: {answer}\n\n" for question, answer in shown)
    columns = ((PART, f"knowmem_{kind}"), (EXAMPLES, before))
    return [_asked(place, *row, *columns) for row in files.columns(place, pair)]


def _asked(place: Path, question: str, answer: str, *columns: tuple[str, str]) -> Item:
    for text in (question, answer):
        if (character := unfit(text)) is not None:
            raise LetheError(f"{place}: a text holds the character {character}; remove it")
    return _item(question, answer, columns)


def _whole(folder: Path, kind: str) -> list[Item]:
    """Texts in a column of their own, where control characters stay: they are tokens, too."""
    numbered = enumerate(files.texts(folder / "privleak" / kind), start=1)
    return [
        _item(
            f"privleak/{kind} {number}",
            fit(text).strip()[:SHOWN] or "(no letters)",
            ((PART, f"privleak_{kind}"), (TEXT, text)),
        )
        for number, text in numbered
    ]
