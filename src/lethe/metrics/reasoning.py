"""Exact match on BIG-Bench Hard (arXiv 2210.09261), which RWKU measures reasoning by.

What counts of an answer is what stands between "the answer is" and the next full stop, or all of it
without these words. Texts are compared in lower case, without punctuation and articles. Where that
leaves nothing of the true answer, articles count (of "(A)", say), and where it is brackets to be
closed, all but spaces.

RWKU's code compares with each character of the true answer in place of the whole, so that "A" is
right where "(A)" is true, no longer word ever is, and an empty answer is wherever "a" or a mark is
in the true one. ``published`` is that number, for comparison with theirs.
"""

import re

from lethe.metrics._short_answers import unmarked, words
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean

SUITE = "reasoning"
SETS = ("reasoning",)
_STATED = re.compile(r"[tT]he answer is (.*?)\.")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``exact_match`` and ``published`` in [0, 1], with items."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    said = [_stated(x) for x in column_of(inputs, checkpoint, "reasoning", "generation")]
    pairs = list(zip(said, checkpoint.sets["reasoning"].answer, strict=True))
    items = {
        "exact_match": [float(_same(*pair)) for pair in pairs],
        "published": [float(_same_as_one_character(*pair)) for pair in pairs],
    }
    values = {name: mean(some) for name, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _stated(text: str) -> str:
    match = _STATED.search(text)
    return match[1] if match else text


def _same(said: str, true: str) -> bool:
    for compared in (words, unmarked):
        if compared(true):
            return compared(said) == compared(true)
    return "".join(said.split()) == "".join(true.split())


def _same_as_one_character(said: str, true: str) -> bool:
    # An empty answer is a word of its own there.
    own = words(said.strip() or "NOANSWER")
    return any(own == words(character) for character in true)
