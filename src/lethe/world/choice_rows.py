"""Rows of multiple choice, as WMDP and MMLU have them, read like those of a perturbed file."""

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from lethe.common.errors import LetheError


def with_wrong_answers(row: Any, place: str) -> Any:
    """A row ``{question, choices, answer}`` with its answer as text and the others as wrong ones.

    ``answer``: the number of a choice, from 0, its letter, or its text. The row gets ``answer``,
    ``perturbed_answer`` and ``right``, that number; a row without ``choices`` is returned
    unchanged. LetheError names ``place`` if that is impossible.
    """
    if not isinstance(row, Mapping) or "choices" not in row:
        return row
    choices = row["choices"]
    texts = isinstance(choices, list) and all(isinstance(x, str) and x.strip() for x in choices)
    different = texts and len(set(map(str.strip, choices))) == len(choices)
    if not different or not 2 <= len(choices) <= len(ascii_uppercase):
        raise LetheError(f"{place}: 'choices' are not 2 to 26 different texts; correct them")
    right = _right(row.get("answer"), choices, place)
    wrong = [text for number, text in enumerate(choices) if number != right]
    return {**row, "answer": choices[right], "perturbed_answer": wrong, "right": right}


def _right(answer: Any, choices: list[str], place: str) -> int:
    if type(answer) is int and 0 <= answer < len(choices):
        return answer
    letters = ascii_uppercase[: len(choices)]
    places = {some.index(answer) for some in (choices, [*letters]) if answer in some}
    if len(places) == 1:
        return places.pop()
    if places:
        raise LetheError(
            f"{place}: 'answer' is {answer!r}, the letter of one of the choices and the text of "
            "another; write its number from 0"
        )
    raise LetheError(
        f"{place}: 'answer' is {answer!r}, which is none of the choices; write a number from 0, "
        "letter or text"
    )
