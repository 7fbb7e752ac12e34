"""Code shared by the metrics of multiple choice: which option is chosen, and what was written.

``option_loss`` of an item has the values of its options, prompt after prompt.
"""

import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase

import numpy as np

from lethe.common.refusals import is_refusal, phrases
from lethe.evaluate.choices import CONTROLS, NORMAL
from lethe.evaluate.records import ItemSet
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

STATUSES = ("correct", "incorrect", "refusal", "invalid", "error")
REFUSALS = phrases("tofu")
# A letter by itself, with marks around it, or after the words that announce an answer. The article
# in "A judge" is not a letter.
_LETTER = re.compile(
    r"\W*(?:(?:the\s+)?(?:right\s+|correct\s+)?(?:answer|option|choice)(?:\s+is)?\s*:?\s*)?"
    r"\(?([A-Za-z])(?=\W*$|[).:,])",
    re.IGNORECASE,
)


def chosen(losses: Sequence[float], options: Sequence[str], answer: str) -> list[float]:
    """For each prompt 1 if the right option has the least loss, 0 if not; 1/n if n options tie."""
    table = np.asarray(losses, dtype=float).reshape(-1, len(options))
    least = table == table.min(axis=1, keepdims=True)
    right = least[:, list(options).index(answer)]
    return (right / least.sum(axis=1)).tolist()


def accuracies(
    inputs: Inputs, checkpoint, sets: Sequence[str], loss: Callable[[ItemSet], Sequence]
) -> CheckpointValues:
    """Accuracy under each prompt, by set; ``loss``: the compared values of a set's items.

    ``{set}`` is the plain question, ``{set}_{prompt}`` another prompt, ``{set}_chance`` what a
    guess gives and ``{set}_gain`` the accuracy less the highest control. An item that was not put
    under a prompt, because it was too long, counts as wrong there.
    """
    values: dict[str, float] = {}
    items: dict[str, list[float]] = {}
    for name in sets:
        credits = _credits(inputs, checkpoint, name, loss)
        own = {_named(name, prompt): some for prompt, some in credits.items()}
        items |= own
        values |= {key: float(np.mean(some)) for key, some in own.items()}
        options = column_of(inputs, checkpoint, name, "option")
        values[f"{name}_chance"] = float(np.mean([1 / len(row) for row in options]))
        controls = max(values[f"{name}_{control}"] for control in CONTROLS)
        values[f"{name}_gain"] = values[name] - controls
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def whole(items: ItemSet) -> list:
    """The loss of each option as a whole, however many tokens it has."""
    pairs = zip(items.option_loss, items.option_tokens, strict=True)
    return [losses * tokens for losses, tokens in pairs]


def _credits(inputs: Inputs, checkpoint, name: str, loss) -> dict[str, list[float]]:
    table = items_of(inputs, checkpoint, name)
    prompts = column_of(inputs, checkpoint, name, "prompt")
    by_item = [
        dict(zip(asked, chosen(row, options, answer), strict=True))
        for asked, row, options, answer in zip(
            prompts, loss(table), table.option, table.answer, strict=True
        )
    ]
    names = dict.fromkeys([NORMAL, *CONTROLS, *(prompt for row in prompts for prompt in row)])
    return {prompt: [row.get(prompt, 0.0) for row in by_item] for prompt in names}


def _named(name: str, prompt: str) -> str:
    return name if prompt == NORMAL else f"{name}_{prompt}"


def status(text: str, options: Sequence[str], answer: str) -> str:
    """What an answer in words is: a choice that is correct or incorrect, a refusal, or invalid."""
    at = _chosen_option(text, options)
    if at is not None:
        return "correct" if options[at] == answer else "incorrect"
    return "refusal" if is_refusal(text, REFUSALS) else "invalid"


def _chosen_option(text: str, options: Sequence[str]) -> int | None:
    match = _LETTER.match(text)
    if match and match[1].upper() in ascii_uppercase[: len(options)]:
        return ascii_uppercase.index(match[1].upper())
    begun = [k for k, option in enumerate(options) if _plain(text).startswith(_plain(option))]
    return begun[0] if len(begun) == 1 else None


def _plain(text: str) -> str:
    return text.lower().replace("’", "'").strip(" \n\t\"'“”.,;:()")
