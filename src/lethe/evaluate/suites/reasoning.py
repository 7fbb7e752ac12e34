"""Questions of BIG-Bench Hard after worked examples (arXiv 2210.09261), as RWKU asks them.

The examples come with each row; an answer has at most 256 greedy tokens, and begins with "A:".
"""

from collections.abc import Mapping, Sequence

from lethe.evaluate.begun_answers import Asked, Prepared, prepared
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder

SETS = {"reasoning": "reasoning"}
COLUMNS = ("generation",)
PROBE = True
TOKENS = 256
ASK = "Following previous examples, answer the following questions and end with 'so the answer is'"


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without examples."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, "examples", place)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Put the examples before every question and tokenise them."""
    chosen = rows["reasoning"]
    asked = [Asked(f"{row['examples']}\n\n{ASK}\nQ: {row['question']}", "A:") for row in chosen]
    return prepared(encoder, chosen, asked)


def record(model, asked: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model; LetheError if the examples do not fit into its positions."""
    texts = asked.answers(model, limits, TOKENS)
    return {"reasoning": asked.item_set([text.strip() for text in texts])}
