"""What a model writes when asked for a letter: correct, incorrect, refusal, invalid or error.

The accounting of ULBench (arXiv 2604.03114) under each of its five conditions: the statuses'
shares sum to 1. An answer is a choice if it is a letter or begins with one option's text; ``error``
is an item that could not be asked, because the prompt does not fit.
"""

from lethe.evaluate.choices import CONDITIONS
from lethe.metrics._choices import STATUSES, status
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

SUITE = "choice_letters"
SETS = ("forget", "retain")
# Only the forget set has the two conditions that name the right option.
CONDITIONS_OF = {"forget": CONDITIONS, "retain": CONDITIONS[:3]}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``{set}_{condition}_{status}``: shares, and for each item 1 or 0."""
    return [_scored(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _scored(inputs: Inputs, checkpoint) -> CheckpointValues:
    items = {}
    for name in SETS:
        by_item = _statuses(inputs, checkpoint, name)
        for condition in CONDITIONS_OF[name]:
            own = [row.get(condition, "error") for row in by_item]
            for kind in STATUSES:
                items[f"{name}_{condition}_{kind}"] = [float(what == kind) for what in own]
    values = {key: sum(some) / len(some) for key, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _statuses(inputs: Inputs, checkpoint, name: str) -> list[dict[str, str]]:
    """The status of each prompt of each item."""
    table = items_of(inputs, checkpoint, name)
    written = column_of(inputs, checkpoint, name, "prompt_generation")
    rows = zip(table.prompt, written, table.option, table.answer, strict=True)
    return [
        {prompt: status(text, options, answer) for prompt, text in zip(asked, texts, strict=True)}
        for asked, texts, options, answer in rows
    ]
