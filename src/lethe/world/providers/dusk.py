"""DUSK, shared knowledge that is not to be unlearned (arXiv 2505.15209), from its published files.

Five documents, each in a style of its own, tell of professors. Some are in all five; others are in
one alone. One document is to be forgotten, so what only it says must go, and what the others say as
well must stay. An author of this world is a text of a document, which is about one professor; its
rows are pieces of the text, as those of ``muse`` are. What is asked comes as holdout authors, on
which no model is trained: one for each file.
"""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.common.files import read_text
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.providers._strict_rows import check_apart, item, pairs
from lethe.world.providers.muse import LEAST_WORDS, SHOWN, WORDS, head_and_rest, pieces_of
from lethe.world.schema import Author
from lethe.world.splits.muse import EXAMPLES, PART, TEXT
from lethe.world.splits.probed import FORGET, RETAIN

SETTINGS = ("path",)
# True facts and refusals are Lethe's own: DUSK has none.
FACT_FILES = ()
LIKE = "synthetic"
OWN_HOLDOUT = True
SPLIT_KIND = "probed"
PLAIN_TEXT = True
READS = ("*.txt", "eval/*.txt", "eval/*.json*")
COLUMNS = ("part", "document", "examples", "text")

FORGOTTEN = "Chronological"
RETAINED = ("Interview", "Feature_Story", "Inverted_Pyramid", "Listicle")
# The part of each file of questions: what only the forgotten document says, what only a retained
# one says, and what all of them say.
QUESTIONS = {
    "SpecificForgetQA": "knowmem_forget",
    "SpecificRetainQA": "knowmem_retain",
    "GeneralQA": "knowmem_shared",
}
HOLDOUT = "eval/holdout.txt"
QA = ("question", "answer")
_AGAIN = "get DUSK's files again"
_TITLE = re.compile(r"^(?=Title: )", re.MULTILINE)


class Provider(OwnFacts):
    """Texts in turn: the first of each document, the forgotten one first, then the second of each.

    So every beginning with two texts or more has some to be forgotten and some to be retained.
    """

    def __init__(
        self,
        path: str | os.PathLike | None = None,
        seed: int = 0,
        chunk_words: int | None = None,
    ):
        """Choose the folder with the five documents and ``eval``.

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
        known = list(_in_turn(self._texts))
        if not 0 <= count <= len(known):
            raise LetheError(
                f"config: world.authors: {count}, but {self._path} has {len(known)} texts; set it "
                f"to at most {len(known)}"
            )
        return [self._author(name, text) for name, text in known[:count]]

    def holdout(self, count: int) -> list[Author]:
        """What is asked: an author for each file, whatever the ``count``."""
        # The published file has a prompt twice.
        prompts = pairs(self._folder / "eval/verbatim.json", ("prompt", "gt"), repeats=True)
        verbatim = [item(*pair, part="verbmem") for pair in prompts]
        whole = {"privleak_forget": self._texts[FORGOTTEN], "privleak_holdout": self._strangers}
        texts = {name: _whole(name, some) for name, some in whole.items()}
        asked = {"verbmem": verbatim} | self._questions() | texts
        return [Author(name, {}, tuple(items)) for name, items in asked.items()]

    @property
    def _folder(self) -> Path:
        if self._path is None:
            raise LetheError(
                f"world.path: null; set it to a folder with DUSK's {FORGOTTEN}.txt and eval"
            )
        folder = Path(self._path)
        if not folder.is_dir():
            raise LetheError(f"{folder}: no such folder; set world.path to DUSK's data/Prof")
        return folder

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        """The texts of each document; LetheError for one that is in two documents."""
        files = {name: self._folder / f"{name}.txt" for name in (FORGOTTEN, *RETAINED)}
        texts = {name: _texts_of(file) for name, file in files.items()}
        remedy = "remove it from one of them, or it would both be forgotten and stay"
        check_apart({file: texts[name] for name, file in files.items()}, remedy)
        return texts

    @property
    def _strangers(self) -> list[str]:
        """Texts that no model learns; LetheError for one that a document has."""
        file, texts = self._folder / HOLDOUT, _texts_of(self._folder / HOLDOUT)
        learned = {self._folder / f"{name}.txt": some for name, some in self._texts.items()}
        check_apart(learned | {file: texts}, "remove it, since models learn that text")
        return texts

    def _questions(self) -> dict[str, list]:
        """The questions of each file, with the examples that come before each."""
        folder = self._folder / "eval"
        shown = pairs(folder / "icl.jsonl", QA)
        before = "".join("Question: {}\nAnswer: {}\n\n".format(*pair) for pair in shown)
        asked = {name: pairs(folder / f"{name}.jsonl", QA) for name in QUESTIONS}
        by_file = {folder / f"{name}.jsonl": [q for q, _ in some] for name, some in asked.items()}
        check_apart(
            {folder / "icl.jsonl": [question for question, _ in shown]} | by_file,
            "remove it from one of them",
        )
        return {
            part: [item(*pair, **{PART: part, EXAMPLES: before}) for pair in asked[name]]
            for name, part in QUESTIONS.items()
        }

    def _author(self, name: str, text: str) -> Author:
        part = FORGET if name == FORGOTTEN else RETAIN
        pieces = (head_and_rest(piece) for piece in pieces_of(text, self._words))
        items = [item(*piece, part=part, document=name) for piece in pieces]
        return Author(f"{name} {text.splitlines()[0]}", {}, tuple(items))


def _texts_of(file: Path) -> list[str]:
    """The texts of a document, each of which begins with a title; line ends are ``\\n``."""
    if not file.is_file():
        raise LetheError(f"{file}: not there; {_AGAIN}")
    content = read_text(file).replace("\r\n", "\n")
    if (character := unfit(content)) is not None:
        raise LetheError(f"{file}: holds the character {character}; remove it")
    before, *texts = (text.strip() for text in _TITLE.split(content))
    if before or not texts:
        raise LetheError(f"{file}: does not begin with 'Title: ', as each text should; {_AGAIN}")
    for number, text in enumerate(texts, start=1):
        if len(text.splitlines()) < 2:
            raise LetheError(f"{file}, text {number}: a title and nothing after it; {_AGAIN}")
        if text in texts[: number - 1]:
            raise LetheError(f"{file}, text {number}: there twice; remove one of them")
    return texts


def _in_turn(texts: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    named = ([(name, text) for text in some] for name, some in texts.items())
    return (one for one in chain.from_iterable(zip_longest(*named)) if one is not None)


def _whole(part: str, texts: list[str]) -> list:
    """Whole texts, in a column of their own."""
    numbered = enumerate(texts, start=1)
    return [
        item(f"{part} {number}", text[:SHOWN], **{PART: part, TEXT: text})
        for number, text in numbered
    ]
