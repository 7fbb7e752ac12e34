"""Short questions about the world with several accepted answers, as TriviaQA has them.

RWKU (arXiv 2406.10890) measures factuality by them: a greedy answer of at most 30 tokens. Its five
examples before the question are left out [RECON: it is asked as RWKU asks its own questions, and
the first line of the answer counts]. With ``wording: bare`` the question is all that is asked.
"""

from collections.abc import Mapping, Sequence

from lethe.evaluate.begun_answers import Asked, Prepared, prepared
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.evaluate.suites.rwku import BEGUN, BRIEFLY, TOKENS, first_line
from lethe.model.encoder import Encoder

SETS = {"trivia": "trivia"}
COLUMNS = ("generation", "option")
PROBE = True
SETTINGS = {"wording": ("published", "bare")}


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without accepted answers."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, "answers", place)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Put every question in words and tokenise it."""
    chosen = rows["trivia"]
    asked = [_asked(row["question"], settings["wording"]) for row in chosen]
    return prepared(encoder, chosen, asked)


def _asked(question: str, wording: str) -> Asked:
    if wording == "bare":
        return Asked(question)
    return Asked(f"{BRIEFLY}Question: {question}\n", BEGUN)


def record(model, asked: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The first lines of the answers of one model, with all accepted ones."""
    texts = asked.answers(model, limits, TOKENS)
    accepted = [row["answers"].split("\n") for row in asked.rows]
    return {"trivia": asked.item_set([first_line(text).strip() for text in texts], option=accepted)}
