"""LUME, the data of SemEval-2025 task 4 (arXiv 2502.15097), from a folder with its files.

A document is one completion (a text's beginning and its rest) and one or more questions about it.
An author of the world is such a document; its items are the document's rows, which say their
``id``, their ``task``, their ``form`` (completion or question) and the ``part`` that they come
from (forget or retain).

A file ``mmlu.jsonl`` beside LUME's two, if there is one, holds questions of MMLU in the form of its
published rows: ``question``, four ``choices``, ``answer`` (0 to 3) and ``subject``.
"""

import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import rows as row_files
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.schema import Author, Item
from lethe.world.splits.published import CHOICES, FORGET, PART, RETAIN

SETTINGS = ("path", "holdout_authors")
# True facts and refusals are Lethe's own: LUME has none.
FACT_FILES = ()
LIKE = "synthetic"
COLUMNS = ("id", "task", "form", "part")

MMLU = "mmlu.jsonl"
MMLU_FIELDS = ("question", "choices", "answer", "subject")
FIELDS = ("id", "input", "output", "task")
TASKS = ("Task1", "Task2", "Task3")
COMPLETION, QUESTION = "completion", "question"
FORMS = {"sc": COMPLETION, "qa": QUESTION}
_ID = re.compile(r"(?P<document>.+)(?P<form>sc|qa)[0-9]")
_AGAIN = "get LUME's files again"


class Provider(OwnFacts):
    """Documents in an order in which every beginning has each part and task alike often.

    The first document of each part and task comes first, then the second of each, until all are
    used up. The last ``holdout_authors`` documents of retain, taken from the ends of its tasks in
    turn, are no targets: no model is trained on them.
    """

    def __init__(self, path: str | os.PathLike | None = None, seed: int = 0, holdout_authors=0):
        """Choose the folder with ``forget.jsonl`` and ``retain.jsonl``.

        ``seed`` changes nothing, since the data are fixed; all providers get one. LetheError if
        there is no such folder; its files are read when authors are asked for.
        """
        super().__init__(seed)
        self._holdout_authors = holdout_authors
        self._folder = None if path is None else Path(path)

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` documents; LetheError if there are fewer."""
        forget, retain, _ = self._documents
        return self._first([*forget, *retain], count, "target documents")

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` documents that are no targets; LetheError if there are fewer.

        After them, as if they were one document more, MMLU's questions.
        """
        away = self._first([self._documents[2]], count, "holdout documents")
        file = self._folder / MMLU
        return [*away, *([_mmlu(file)] if file.is_file() else [])]

    @cached_property
    def _documents(self) -> tuple[list[list[Author]], list[list[Author]], list[Author]]:
        """The documents of forget and of retain by task, and the holdout documents."""
        if self._folder is None:
            raise LetheError(
                "world.path: null; set it to a folder with LUME's forget.jsonl and retain.jsonl"
            )
        if not self._folder.is_dir():
            raise LetheError(f"{self._folder}: no such folder; set world.path to LUME's files")
        forget, retain = (self._read(part) for part in (FORGET, RETAIN))
        both = {author.name for author in forget} & {author.name for author in retain}
        if both:
            raise LetheError(
                f"{self._folder}: document {min(both)} is in forget.jsonl and in retain.jsonl; "
                "remove it from one of them"
            )
        stay, away = self._held_out(_by_task(retain))
        return _by_task(forget), stay, away

    def _held_out(self, tasks: list[list[Author]]) -> tuple[list[list[Author]], list[Author]]:
        wanted, last = self._holdout_authors, _in_turn([task[::-1] for task in tasks])
        if wanted >= len(last):
            raise LetheError(
                f"config: world.holdout_authors: {wanted}, but retain.jsonl has {len(last)} "
                "documents, some of which must stay; lower it"
            )
        away = last[:wanted]
        names = {author.name for author in away}
        stay = [[author for author in task if author.name not in names] for task in tasks]
        return stay, away

    def _first(self, groups: Sequence[Sequence[Author]], count: int, what: str) -> list[Author]:
        documents = _in_turn(groups)
        if not 0 <= count <= len(documents):
            raise LetheError(
                f"{self._folder}: {count} {what} are needed, but it has {len(documents)}; choose "
                f"a number from 0 to {len(documents)}"
            )
        return documents[:count]

    def _read(self, part: str) -> list[Author]:
        """The documents of a file in its order; LetheError for what is not LUME's form."""
        file = self._folder / f"{part}.jsonl"
        if not file.is_file():
            raise LetheError(f"{file}: not there; {_AGAIN}")
        rows = read_rows(file)
        if not rows:
            raise LetheError(f"{file}: no rows; was the file cut off? {_AGAIN}")
        documents: dict[str, list[Item]] = {}
        seen: set[str] = set()
        for number, row in enumerate(rows, start=1):
            place = f"{file}, row {number}"
            document, form = _checked(row, place)
            if row["id"] in seen:
                raise LetheError(f"{place}: the id {row['id']} is given twice; {_AGAIN}")
            seen.add(row["id"])
            documents.setdefault(document, []).append(_item(row, form, part))
        return [_document(name, items, file) for name, items in documents.items()]


def _checked(row: dict, place: str) -> tuple[str, str]:
    """Document and form of a row, whose fields, id and task must be LUME's."""
    if sorted(row) != sorted(FIELDS):
        raise LetheError(
            f"{place}: has {', '.join(map(repr, row)) or 'no key'}, not LUME's "
            f"{', '.join(FIELDS)}; use the published JSON lines"
        )
    for field in FIELDS:
        _check_text(row[field], field, place)
    match = _ID.fullmatch(row["id"])
    if match is None:
        raise LetheError(
            f"{place}: the id {row['id']!r} does not end in sc or qa and a digit; {_AGAIN}"
        )
    if row["task"] not in TASKS:
        raise LetheError(f"{place}: task {row['task']!r}, not one of {', '.join(TASKS)}; {_AGAIN}")
    return match["document"], FORMS[match["form"]]


def _check_text(value: Any, field: str, place: str, remedy: str = _AGAIN) -> None:
    if not isinstance(value, str) or not value.strip():
        raise LetheError(f"{place}: {field!r} is {value!r}, not a text; {remedy}")
    if (character := unfit(value)) is not None:
        raise LetheError(f"{place}: {field!r} holds the character {character}; remove it")


def _item(row: dict, form: str, part: str) -> Item:
    columns = (("id", row["id"]), ("task", row["task"]), ("form", form), (PART, part))
    return Item(row["input"], row["output"], "", "", (), "", columns=columns)


def _document(name: str, items: list[Item], file: Path) -> Author:
    columns = [dict(item.columns) for item in items]
    forms, tasks = [own["form"] for own in columns], {own["task"] for own in columns}
    if forms.count(COMPLETION) != 1 or QUESTION not in forms or len(tasks) > 1:
        raise LetheError(
            f"{file}: document {name} has not one completion and questions of one task; {_AGAIN}"
        )
    return Author(name, {}, tuple(items))


def _mmlu(file: Path) -> Author:
    """MMLU's questions as one author; LetheError names a row in another form."""
    rows = read_rows(file)
    if not rows:
        raise LetheError(f"{file}: no rows; add questions of MMLU, or delete the file")
    items = [_choice(row, f"{file}, row {number}") for number, row in enumerate(rows, start=1)]
    return Author("mmlu", {}, tuple(items))


def _choice(row: dict, place: str) -> Item:
    question, choices, answer, subject = (row.get(field) for field in MMLU_FIELDS)
    if not isinstance(choices, list) or len(choices) != len(row_files.OPTION_FIELDS):
        raise LetheError(f"{place}: 'choices' are not four texts; use MMLU's own rows")
    names = ("question", "subject", *(["choices"] * len(choices)))
    for name, text in zip(names, (question, subject, *choices), strict=True):
        _check_text(text, name, place, "use MMLU's own rows")
    if type(answer) is not int or not 0 <= answer < len(choices):
        raise LetheError(f"{place}: 'answer' is {answer!r}, not a number from 0 to 3; correct it")
    options = tuple(zip(row_files.OPTION_FIELDS, choices, strict=True))
    columns = (*options, ("label", "ABCD"[answer]), ("subject", subject), (PART, CHOICES))
    return Item(question, choices[answer], "", "", (), "", columns=columns)


def _by_task(documents: Iterable[Author]) -> list[list[Author]]:
    tasks: dict[str, list[Author]] = {task: [] for task in TASKS}
    for document in documents:
        tasks[dict(document.items[0].columns)["task"]].append(document)
    return list(tasks.values())


def _in_turn(groups: Sequence[Sequence[Author]]) -> list[Author]:
    """The first of each group, then the second of each, and so on."""
    turns = chain.from_iterable(zip_longest(*groups))
    return [document for document in turns if document is not None]
