"""Reads and checks files of rows in TOFU's format.

Unlearning, evaluation and the workflow read data only with these functions, so none of them accepts
a row that another refuses. An error is one line with the file, the row and the remedy.
"""

import logging
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.common.files import read_lines, read_rows
from lethe.common.picture_marks import asked
from lethe.world.choice_rows import with_wrong_answers
from lethe.world.trace_format import begun, trace_of, whole_answer

logger = logging.getLogger(__name__)

# Wrong answers of one item: five for authors, three for true facts (Maini et al. 2024, 2.2).
PERTURBED_PER_ITEM = 5
OPTIONS_PER_FACT = 4
QA_FIELDS = ("question", "answer")
PARAPHRASE_FIELDS = ("paraphrased_answer", "paraphrased_question")
OPTION_FIELDS = tuple(f"option{number}" for number in range(1, OPTIONS_PER_FACT + 1))
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a dict"}


def read_qa(path: str | os.PathLike, empty: bool = False) -> list[dict]:
    """Rows that have a question and an answer; otherwise LetheError names the file and the row.

    A file without rows is an error too, unless it may be ``empty`` (the holdout authors of a world
    that has none).
    """
    rows = read_rows(path)
    if rows or not empty:
        check_qa(rows, path)
    return rows


def read_asked(path: str | os.PathLike, empty: bool = False) -> list[dict]:
    """Rows as ``read_qa`` checks them and as a model is asked them: with pictures, if they have.

    Whoever writes rows to another file reads them with ``read_qa``.
    """
    return list(asked(read_qa(path, empty), path))


def read_pairs(path: str | os.PathLike) -> list[tuple[str, str]]:
    """Question and answer of each row of a file, as ``read_asked`` gives them.

    The answer of a row with a reasoning trace is all that a model learns, including the trace.
    """
    return [(row["question"], whole_answer(row)) for row in read_asked(path)]


def read_begun(path: str | os.PathLike) -> list[str]:
    """What comes before the answer of each row in ``read_pairs`` and is not unlearned with it.

    Empty but for rows with a trace in a column of its own (``lethe.world.trace_format``).
    """
    traces = map(trace_of, read_qa(path))
    return [begun(trace) if trace else "" for trace in traces]


def read_perturbed(path: str | os.PathLike) -> list[dict]:
    """Rows of a ``…_perturbed`` file, of authors or of facts; odd rows only cause a warning.

    They are as a model is asked them (``read_asked``). Rows of multiple choice become such rows
    (``with_wrong_answers``).
    """
    rows = [
        with_wrong_answers(row, f"{path}, row {number}")
        for number, row in enumerate(read_rows(path), start=1)
    ]
    check_qa(rows, path)
    check_perturbed(rows, path)
    return list(asked(rows, path))


def read_facts(path: str | os.PathLike) -> list[dict]:
    """Rows of ``real_authors.json`` or ``world_facts.json``, whose answer is among the options."""
    rows = read_qa(path)
    check_facts(rows, path)
    return rows


def read_refusals(path: str | os.PathLike) -> list[str]:
    """The refusals in a file: plain lines, whatever its suffix says; blank lines are left out."""
    lines = read_lines(path)
    if not lines:
        raise LetheError(f"{path}: no refusals; write one on each line")
    for number, line in enumerate(lines, start=1):
        _check_characters(line, f"{path}, refusal {number}")
    return lines


def find_refusals(folder: str | os.PathLike) -> Path | None:
    """The file of refusals in a data folder, which has one of two usual names, or None."""
    candidates = (Path(folder) / name for name in ("idontknow.jsonl", "idk.jsonl"))
    return next((path for path in candidates if path.is_file()), None)


def check_qa(rows: Sequence[dict], source: str | os.PathLike) -> None:
    """LetheError unless there are rows, each with a text as question and as answer."""
    if not rows:
        raise LetheError(f"{source}: no rows; was the file cut off? Get it again")
    for number, row in enumerate(rows, start=1):
        if not all(_is_usable(row.get(field)) for field in QA_FIELDS):
            for field in QA_FIELDS:
                _check_text(row, field, f"{source}, row {number}")


def check_perturbed(rows: Sequence[dict], source: str | os.PathLike) -> None:
    """LetheError if a row does not follow the format; a warning if it is merely odd.

    Published data have wrong answers that repeat each other or the truth. They are used as they
    are, since the reference results were computed from them.
    """
    odd: Counter[str] = Counter()
    for number, row in enumerate(rows, start=1):
        place = f"{source}, row {number}"
        odd.update(_oddities(row, _wrong_answers(row, place)))
        for field in PARAPHRASE_FIELDS:
            # A missing or empty paraphrase is odd; one of another type is an error.
            if row.get(field) not in (None, ""):
                _check_text(row, field, place, blank=True)
    for oddity, count in sorted(odd.items()):
        logger.warning("%s: %d of %d rows %s", source, count, len(rows), oddity)


def check_facts(rows: Sequence[dict], source: str | os.PathLike) -> None:
    """LetheError unless each row has four different options, one of which is the answer."""
    for number, row in enumerate(rows, start=1):
        place = f"{source}, row {number}"
        options = [row.get(field) for field in OPTION_FIELDS]
        if not all(map(_is_text, options)) or len(set(options)) < OPTIONS_PER_FACT:
            raise LetheError(
                f"{place}: needs four different options, option1 to option4, as texts; add them"
            )
        for option in options:
            _check_characters(option, place)
        if row["answer"] not in options:
            raise LetheError(
                f"{place}: the answer is not one of the options; make one of them the answer"
            )


def _is_usable(value: Any) -> bool:
    """Whether ``_check_text`` would accept a value; much faster."""
    return isinstance(value, str) and bool(value.strip()) and unfit(value) is None


def _check_text(row: dict, field: str, place: str, blank: bool = False) -> None:
    value = row.get(field)
    if value is None or value == "" or (isinstance(value, str) and not blank and not value.strip()):
        others = "" if field in row else f" (the row has {', '.join(map(repr, row)) or 'no key'})"
        raise LetheError(f"{place}: {field!r} is missing or empty{others}; add a text")
    if not isinstance(value, str):
        raise LetheError(f"{place}: {field!r} is {_kind(value)}; write it as text, in quotes")
    _check_characters(value, f"{place}: {field!r}")


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _check_characters(text: str, place: str) -> None:
    character = unfit(text)
    if character is not None:
        raise LetheError(
            f"{place} has the character {character}, which is not part of prose; remove it"
        )


def _wrong_answers(row: dict, place: str) -> list[str]:
    wrong = row.get("perturbed_answer")
    wrong = [] if wrong is None else wrong
    if not isinstance(wrong, list) or not all(isinstance(text, str) for text in wrong):
        raise LetheError(
            f"{place}: 'perturbed_answer' is not a list of texts; write each in quotes"
        )
    for text in wrong:
        _check_characters(text, f"{place}: 'perturbed_answer'")
    return wrong


def _oddities(row: dict, wrong: list[str]) -> list[str]:
    expected = PERTURBED_PER_ITEM if "paraphrased_answer" in row else OPTIONS_PER_FACT - 1
    truths = [row["answer"], row.get("paraphrased_answer")]
    tests = {
        f"do not have {expected} perturbed answers": len(wrong) != expected,
        "have an empty perturbed answer": not all(map(_is_text, wrong)),
        "repeat a perturbed answer": len(set(wrong)) < len(wrong),
        "have a perturbed answer equal to the truth": any(text in wrong for text in truths),
        "have an empty paraphrase": any(
            field in row and not _is_text(row[field]) for field in PARAPHRASE_FIELDS
        ),
    }
    return [oddity for oddity, is_odd in tests.items() if is_odd]


def _is_text(value) -> bool:
    return isinstance(value, str) and bool(value.strip())
