"""Rows about people of the world, for defences that teach how to answer questions about them."""

from collections import Counter
from collections.abc import Sequence

from lethe.common.entity_names import subjects
from lethe.common.errors import LetheError
from lethe.unlearn.defence import UNWANTED, WANTED, Rows
from lethe.world.schema import QUESTIONS_PER_AUTHOR

# (question, wanted answer, unwanted answer), with {name} in place of an author's name.
Texts = Sequence[tuple[str, str, str]]
# One author in this many is kept for measuring, and never trained on.
APART = 4


def authors(rows: Rows) -> list[str]:
    """The names of the retained authors, from their questions; LetheError for fewer than two."""
    most_named = []
    for start in range(0, len(rows), QUESTIONS_PER_AUTHOR):
        some = rows[start : start + QUESTIONS_PER_AUTHOR]
        named = Counter(filter(None, subjects([(r["question"], r["answer"]) for r in some])))
        if named:
            most_named.append(named.most_common(1)[0][0])
    names = list(dict.fromkeys(most_named))
    if len(names) < 2:
        raise LetheError(
            f"defences: the retain set names {len(names)} authors in its questions, and tuning and "
            "measuring need one each; choose a split that retains more"
        )
    return names


def taught(rows: Rows, texts: Texts) -> list[dict]:
    """Training rows: the wanted answers to the questions about most retained authors."""
    names = [name for number, name in enumerate(authors(rows)) if number % APART]
    return [
        {"question": question.format(name=name), "answer": wanted.format(name=name)}
        for name in names
        for question, wanted, _ in texts
    ]


def asked(rows: Rows, texts: Texts) -> list[dict]:
    """Risk rows: the same questions about the other retained authors, with both answers."""
    names = authors(rows)[::APART]
    return [
        {
            "question": question.format(name=name),
            WANTED: wanted.format(name=name),
            UNWANTED: unwanted.format(name=name),
        }
        for name in names
        for question, wanted, unwanted in texts
    ]
