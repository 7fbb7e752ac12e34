"""A user's questions of multiple choice, by letters and by the likelihood of each option.

``letters``: the options are listed, and the likeliest letter counts (``lethe.evaluate
.plain_letters``), as WMDP (arXiv 2403.03218) and MMLU are asked. ``likelihood``: the question is
put in the model's template without its options, and each of them is an answer, which any model can
give, whether or not it knows lettered options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from string import ascii_uppercase

from lethe.common.errors import LetheError
from lethe.evaluate import plain_letters
from lethe.evaluate.choices import Choice
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places
from lethe.evaluate.suites._choice_records import item_set
from lethe.model import token_mixing
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import mean_losses

SETS = {"forget": "forget_questions", "retain": "retain_questions"}
OPTIONAL = ("retain",)
COLUMNS = ("option", "prompt", "option_loss", "option_tokens", "task")
PROBE = True
PROMPTS = ("letters", "likelihood")


@dataclass(frozen=True)
class Prepared:
    """Rows and questions by set, and the options of all of them by both ways, tokenised."""

    rows: dict[str, list[dict]]
    asked: dict[str, list[Choice]]
    examples: list[Example]


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without options or the right letter."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            _choice(row, place)


def _choice(row: Mapping, place: str = "") -> Choice:
    named = takewhile(lambda field: row.get(field), (f"option{k}" for k in count(1)))
    options = tuple(row[field] for field in named)
    right = ascii_uppercase.find(row.get("label") or "?")
    if len(options) < 2 or not 0 <= right < len(options) or options[right] != row["answer"]:
        raise LetheError(
            f"{place}: no options option1, option2 and so on, or 'label' is not the letter of the "
            "answer; use rows of the world mcq"
        )
    return Choice(row["question"], options, right)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every letter and every option."""
    chosen = {name: list(some) for name, some in rows.items()}
    asked = {name: [*map(_choice, some)] for name, some in chosen.items()}
    examples = [
        example
        for name, some in chosen.items()
        for row, choice in zip(some, asked[name], strict=True)
        for example in _examples(encoder, choice, row.get("subject") or "")
    ]
    return Prepared(chosen, asked, examples)


def _examples(encoder: Encoder, choice: Choice, subject: str) -> list[Example]:
    """An example for each letter, then one for each option."""
    text = plain_letters.prompt(choice.question, choice.options, subject)
    letters = plain_letters.examples(encoder, text, ascii_uppercase[: len(choice.options)])
    return letters + encoder.encode_all([(choice.question, text) for text in choice.options])


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The losses of letters and options under one model; LetheError if a prompt is too long."""
    lengths = map(len, prepared.examples)
    remedy = "shorten the question or leave it out"
    token_mixing.check_lengths(model, lengths, "a question with its options", remedy)
    losses = iter(mean_losses(model, prepared.examples, limits.token_budget))
    tokens = iter(example.answer_tokens for example in prepared.examples)
    return {
        name: replace(
            item_set(some, [PROMPTS] * len(some), losses, tokens),
            # Records have no empty texts.
            task=[row.get("subject") or "all" for row in prepared.rows[name]],
        )
        for name, some in prepared.asked.items()
    }
