"""PPU-Bench's three tasks by text and by picture, and with another picture of the subject.

From the authors' evaluation code (arXiv 2605.08800, guangjh/ppu-bench). Words are those of a text
in lower case without punctuation, not stemmed; L is the length of the longest common subsequence:

    recall       L / words of the true answer, F1 its harmonic mean with L / words of the answer
    exact        share of answers that are the true one to the letter
    exact_words  share of those whose words are
    accuracy     share of rows whose answer has one of the letters A to D alone, and the right one
    invalid      share of rows in whose answer no letter, or more than one, is alone
"""

import re
from itertools import product

from lethe.common.errors import LetheError
from lethe.metrics._sentence_rouge import longest_common
from lethe.metrics._short_answers import unmarked
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, mean

SUITE = "ppu_tasks"
SETS = ("forget", "retain")
# Other pictures of the subjects, where a split asks with them.
CROSS = ("picture2", "picture3", "picture4")
TASKS, MODALITIES = ("generation", "cloze", "classification"), ("qa", "vqa")
# As published, the article "a" counts as a letter.
_LETTER = re.compile(r"\b([ABCD])\b")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``{set}_{task}_{modality}_{number}`` in [0, 1], for the tasks and modalities that are there.

    ``cross_{task}_{modality}_{number}``: over the rows with another picture together.
    """
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    items: dict[str, list[float]] = {}
    for name in (*SETS, *(name for name in CROSS if name in point.sets)):
        own = _by_group(inputs, point, name)
        items |= {f"{name}_{key}": some for key, some in own.items()}
        if name in CROSS:
            for key, some in own.items():
                items[f"cross_{key}"] = items.get(f"cross_{key}", []) + some
    values = {name: mean(some) for name, some in items.items()}
    return CheckpointValues(point.epoch, point.step, values, items)


def _by_group(inputs: Inputs, point, name: str) -> dict[str, list[float]]:
    """The numbers of a set's items by task, modality and number."""
    columns = (column_of(inputs, point, name, c) for c in ("generation", "task", "modality"))
    rows = list(zip(items_of(inputs, point, name).answer, *columns, strict=True))
    known = set(product(TASKS, MODALITIES))
    for _, _, *group in rows:
        if tuple(group) not in known:
            raise LetheError(
                f"{inputs.records.path}: set '{name}' has a row of {' '.join(group)}, which "
                "PPU-Bench does not know; score this metric on records of its rows"
            )
    numbers: dict[str, list[float]] = {}
    for task, modality in product(TASKS, MODALITIES):
        for answer, said, *group in rows:
            if group == [task, modality]:
                for number, value in _NUMBERS[task](answer, said).items():
                    numbers.setdefault(f"{task}_{modality}_{number}", []).append(value)
    return numbers


def _written(answer: str, said: str) -> dict[str, float]:
    true, own = unmarked(answer), unmarked(said)
    common = len(longest_common(true, own))
    if not true or not own:
        recall = precision = float(true == own)
    else:
        recall, precision = common / len(true), common / len(own)
    both = recall + precision
    return {
        "recall": recall,
        "f1": 2 * recall * precision / both if both else 0.0,
        "exact": float(answer.strip() == said.strip()),
        "exact_words": float(true == own),
    }


def _lettered(answer: str, said: str) -> dict[str, float]:
    letters = set(_LETTER.findall(said.upper()))
    return {"accuracy": float(letters == {answer}), "invalid": float(len(letters) != 1)}


_NUMBERS = {"generation": _written, "cloze": _written, "classification": _lettered}
