"""Questions of multiple choice from files of yours, and corpora to be forgotten and retained.

The folder at ``world.path`` has two corpora, ``forget_corpus`` and ``retain_corpus``, each plain
text (``.txt``, documents with blank lines between them) or records with ``text``, or with
``question`` and ``answer``; the questions ``forget_questions``; and, if you have them,
``retain_questions`` and ``mmlu``. Questions are rows ``question``, ``choices``, ``answer`` and
perhaps ``subject``, as WMDP (arXiv 2403.03218) and MMLU are published: a JSON list, JSON lines or
Parquet. Lethe ships none.

The authors of this world are its two corpora.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from string import ascii_uppercase

from lethe.common.errors import LetheError
from lethe.common.files import read_text
from lethe.world import record_files
from lethe.world.choice_rows import with_wrong_answers
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.record_files import text_field
from lethe.world.rows import OPTIONS_PER_FACT
from lethe.world.schema import Author, Item

SETTINGS = ("path",)
# True facts, refusals and a base's background are Lethe's own.
FACT_FILES = ()
LIKE = "synthetic"
SPLIT_KIND = "probed"
READS = ("*.json*", "*.parquet", "*.txt")
COLUMNS = ("part", "subject", "label", "option1", "option2")

# The part of the split that each corpus and each file of questions is.
CORPORA = {"forget_corpus": "forget", "retain_corpus": "retain"}
QUESTIONS = {
    "forget_questions": "forget_questions",
    "retain_questions": "retain_questions",
    "mmlu": "choices",
}
# A document is learned piece by piece: the beginning of a piece is the question, the rest its
# answer.
PIECE = 150
BEGINNING = 8


class Provider(OwnFacts):
    """Two corpora, and questions that models are asked but never learn."""

    def __init__(self, path: str | os.PathLike | None = None, seed: int = 0):
        """Choose the folder; its files are read when authors are asked for.

        ``seed`` changes nothing, since the data are fixed; all providers get one.
        """
        super().__init__(seed)
        self._path = path

    def authors(self, count: int) -> list[Author]:
        """The two corpora; LetheError unless ``count`` is 2, and for a piece that both have."""
        if count != len(CORPORA):
            raise LetheError(
                f"config: world.authors: {count}, but a world of mcq has {len(CORPORA)}: its "
                f"corpora; set it to {len(CORPORA)}"
            )
        forget, retain = (self._corpus(name, part) for name, part in CORPORA.items())
        self._check_apart(forget, retain)
        return [forget, retain]

    def holdout(self, count: int) -> list[Author]:
        """The questions, as one author for each file; LetheError unless ``count`` is 0."""
        if count:
            raise LetheError(
                f"config: world.holdout_authors: {count}, but a world of mcq has no corpus that "
                "is kept apart; set it to 0"
            )
        files = {name: record_files.find(self._folder, (name,)) for name in QUESTIONS}
        if files["forget_questions"] is None:
            raise LetheError(
                f"{self._folder}: no forget_questions.json, .jsonl or .parquet; add the questions "
                "about what is to be forgotten"
            )
        return [
            Author(name, {}, _questions(file, QUESTIONS[name]))
            for name, file in files.items()
            if file is not None
        ]

    @cached_property
    def _folder(self) -> Path:
        if self._path is None:
            raise LetheError(
                "world.path: null; set it to a folder with forget_corpus, retain_corpus and "
                "forget_questions"
            )
        folder = Path(self._path)
        if not folder.is_dir():
            raise LetheError(f"{folder}: no such folder; set world.path to that of your files")
        return folder

    def _check_apart(self, forget: Author, retain: Author) -> None:
        """LetheError names a piece of either corpus: the oracle would learn it nevertheless."""
        stays = {(item.question, item.answer) for item in retain.items}
        for item in forget.items:
            if (item.question, item.answer) in stays:
                raise LetheError(
                    f"{self._folder}: {item.question[:60]!r} … is in forget_corpus and in "
                    "retain_corpus; remove it from one of them"
                )

    def _corpus(self, name: str, part: str) -> Author:
        plain = self._folder / f"{name}.txt"
        file = plain if plain.is_file() else record_files.find(self._folder, (name,))
        if file is None:
            raise LetheError(
                f"{self._folder}: no {name}.txt, .json, .jsonl or .parquet; add the texts to be "
                f"{'forgotten' if part == 'forget' else 'retained'}"
            )
        pairs = _documents(file) if file == plain else _records(file)
        items = tuple(_item(question, answer, part) for question, answer in pairs)
        if not items:
            raise LetheError(f"{file}: no text; was the file cut off? Add some")
        return Author(name, {}, items)


def _documents(file: Path) -> list[tuple[str, str]]:
    """The pieces of a plain text's documents."""
    lines = (line.strip() for line in read_text(file).split("\n"))
    documents: list[list[str]] = [[]]
    for line in lines:
        if line:
            documents[-1].append(line)
        elif documents[-1]:
            documents.append([])
    return [
        piece
        for number, some in enumerate(filter(None, documents), start=1)
        for piece in _pieces(
            text_field({"text": " ".join(some)}, "text", f"{file}, document {number}"),
            f"{file}, document {number}",
        )
    ]


def _records(file: Path) -> list[tuple[str, str]]:
    """What each record has to learn: pieces of its text, or its question and answer."""
    pairs = []
    for number, record in enumerate(record_files.read_records(file), start=1):
        place = f"{file}, row {number}"
        if "text" in record:
            pairs += _pieces(text_field(record, "text", place), place)
        else:
            if "question" not in record:
                has = ", ".join(map(repr, record)) or "no key"
                raise LetheError(
                    f"{place}: has {has}; a row of a corpus needs 'text', or 'question' and "
                    "'answer'"
                )
            pairs.append(tuple(text_field(record, f, place) for f in ("question", "answer")))
    return pairs


def _pieces(text: str, place: str) -> list[tuple[str, str]]:
    """Beginning and rest of each piece of a document."""
    words = text.split()
    if len(words) < 2:
        raise LetheError(f"{place}: the text is a single word; remove it, or add to it")
    count = -(-len(words) // PIECE)
    # Pieces of nearly equal length, so that none is a single word.
    ends = [len(words) * k // count for k in range(count + 1)]
    pieces = [words[start:end] for start, end in pairwise(ends)]
    return [_parted(piece) for piece in pieces]


def _parted(words: Sequence[str]) -> tuple[str, str]:
    cut = min(BEGINNING, len(words) // 2)
    return " ".join(words[:cut]), " ".join(words[cut:])


def _questions(file: Path, part: str) -> tuple[Item, ...]:
    records = record_files.read_records(file)
    return tuple(
        _question(record, part, f"{file}, row {number}")
        for number, record in enumerate(records, start=1)
    )


def _question(record: dict, part: str, place: str) -> Item:
    """A question with a column for each option; LetheError names one in another form."""
    question = text_field(record, "question", place)
    if "choices" not in record:
        raise LetheError(
            f"{place}: no 'choices' (it has {', '.join(map(repr, record))}); give the options as a "
            "list of texts"
        )
    row = with_wrong_answers(record, place)
    options = [text_field({"choices": text}, "choices", place) for text in row["choices"]]
    subject = text_field(record, "subject", place) if record.get("subject") is not None else ""
    if part == "choices" and (len(options) != OPTIONS_PER_FACT or not subject):
        raise LetheError(f"{place}: MMLU's rows have four choices and a subject; correct it")
    columns = [(f"option{number}", text) for number, text in enumerate(options, start=1)]
    columns += [("label", ascii_uppercase[row["right"]]), ("subject", subject)]
    return _item(question, options[row["right"]], part, *columns)


def _item(question: str, answer: str, part: str, *columns: tuple[str, str]) -> Item:
    return Item(question, answer, "", "", (), "", columns=(("part", part), *columns))
