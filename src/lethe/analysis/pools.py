"""Pools of models that certainly have, or certainly lack, the knowledge to be forgotten.

A trustworthy metric of forgetting ranks every model of the first pool above every model of the
second (OpenUnlearning, arXiv 2506.12618, section 4.1: 30 and 30 models). They are trained from the
base as the full model is, on the retain set and what their variant adds, over a grid of learning
rates and lengths. Light to import: the workflow plans with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe.common.errors import LetheError

# What a pool's models learn from the forget set, besides the retain set. With knowledge: its rows,
# its rows with the answers or with the questions in other words. Without it: nothing, the same
# questions with wrong answers, or authors whom no other model has seen.
VARIANTS = {
    "with": ("rows", "paraphrased_answers", "paraphrased_questions"),
    "without": ("nothing", "wrong_answers", "other_authors"),
}
PARTS = ("retain", "forget_perturbed", "holdout")


def run_of(pool: str) -> str:
    """What a pool's runs are called in paths."""
    return f"pool_{pool}"


def member(
    pool: str,
    number: int,
    finetune: Mapping[str, Any],
    rates: Sequence[float],
    lengths: Sequence[float],
) -> dict[str, Any]:
    """The ``variant`` of a pool's model and its ``finetune`` settings.

    Variants change fastest, then the factors ``rates`` of the learning rate, then the factors
    ``lengths`` of the number of epochs; after that, all repeat with other seeds.
    """
    variants = VARIANTS[pool]
    rest, turn = divmod(number, len(variants))
    rest, rate = divmod(rest, len(rates))
    epochs = max(1, round(finetune["epochs"] * lengths[rest % len(lengths)]))
    changed = {"lr": min(1.0, finetune["lr"] * rates[rate]), "epochs": epochs}
    return {"variant": variants[turn], "finetune": {**finetune, **changed}}


def rows_of(variant: str, parts: Mapping[str, Sequence[Mapping]]) -> list[dict[str, str]]:
    """The questions and answers that a model of a variant learns.

    ``parts``: the rows of ``PARTS``. LetheError if a row lacks the text that the variant takes.
    """
    forget = parts["forget_perturbed"]
    added = {
        "rows": lambda: [_pair(row, "question", "answer") for row in forget],
        "paraphrased_answers": lambda: [
            _pair(row, "question", "paraphrased_answer") for row in forget
        ],
        "paraphrased_questions": lambda: [
            _pair(row, "paraphrased_question", "answer") for row in forget
        ],
        "nothing": lambda: [],
        "wrong_answers": lambda: [
            _pair(_with_wrong_answer(row), "question", "answer") for row in forget
        ],
        "other_authors": lambda: _others(parts["holdout"]),
    }
    return [_pair(row, "question", "answer") for row in parts["retain"]] + added[variant]()


def _others(holdout: Sequence[Mapping]) -> list[dict[str, str]]:
    if not holdout:
        raise LetheError(
            "meta_evaluation: there are no holdout authors for models without the knowledge to "
            "learn; raise world.holdout_authors"
        )
    return [_pair(row, "question", "answer") for row in holdout]


def _with_wrong_answer(row: Mapping) -> dict[str, Any]:
    wrong = [text for text in row.get("perturbed_answer") or () if text]
    if not wrong:
        raise LetheError(
            f"meta_evaluation: the forget row {row['question']!r} has no perturbed_answer; add one"
        )
    return {**row, "answer": wrong[0]}


def _pair(row: Mapping, question: str, answer: str) -> dict[str, str]:
    for key in (question, answer):
        if not row.get(key):
            raise LetheError(
                f"meta_evaluation: the forget row {row['question']!r} has no {key}; add one"
            )
    return {"question": row[question], "answer": row[answer]}
