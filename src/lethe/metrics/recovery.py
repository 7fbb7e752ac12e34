"""Whose answer does the model give: the truth, the oracle's, or a wrong one? (MSA, 2506.20941.)

Of every question three candidates are held against what the model says: the true answer, the
answer of the oracle (the model that never saw the forget set, whose answer is the ideal one), and
a wrong answer. The paper asks GPT-4o which is most similar. Here an offline judge takes the one
with the highest ROUGE-L F1 (``rouge_score``, stemmed), a replacement that is ours. Among equals it
decides against the method: the truth on the forget set, a wrong answer on the retain set. What
shares no word with any of the three is like none of them.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics._rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, only_recorded

ORACLE_RECORDS = True
SETS = ("forget", "retain")
TRUTH, WRONG, IDEAL, NONE = range(4)
# Which candidate wins among equals: the first of these.
STRICT = {"forget": (TRUTH, WRONG, IDEAL), "retain": (WRONG, TRUTH, IDEAL)}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Shares in [0, 1] of every checkpoint, and what was chosen by item.

    Items are 0 for the truth, 1 for the wrong answer, 2 for the ideal one, 3 for none of them.
    ``acc_forget``: forget questions where the truth was not chosen. ``acc_recover``: those where
    the oracle's answer was. ``acc_retain``: retain questions where one of the two was. LetheError
    if the oracle was asked other questions or has several checkpoints.
    """
    score = rouge_l()
    ideal = only_recorded(inputs.oracle_records, "an oracle")
    return [
        _checkpoint(inputs, checkpoint, ideal, score) for checkpoint in inputs.records.checkpoints
    ]


def _checkpoint(inputs: Inputs, checkpoint, ideal, score) -> CheckpointValues:
    chosen = {name: _chosen(inputs, checkpoint, ideal, name, score) for name in SETS}
    forget, retain = (np.array(chosen[name]) for name in SETS)
    values = {
        "acc_forget": float(np.mean(forget != TRUTH)),
        "acc_recover": float(np.mean(forget == IDEAL)),
        "acc_retain": float(np.mean((retain == TRUTH) | (retain == IDEAL))),
    }
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, chosen)


def _chosen(inputs: Inputs, checkpoint, ideal, name: str, score) -> list[int]:
    """The judge's choice for each item of a set."""
    rows = items_of(inputs, checkpoint, name)
    theirs = _of_oracle(inputs, ideal, name, rows.question)
    wrong = column_of(inputs, checkpoint, name, "wrong_answer")
    said = column_of(inputs, checkpoint, name, "generation")
    found = []
    for candidates, generation in zip(
        zip(rows.answer, wrong, theirs, strict=True), said, strict=True
    ):
        likeness = [score(candidate, generation).fmeasure for candidate in candidates]
        found.append(max(STRICT[name], key=likeness.__getitem__) if any(likeness) else NONE)
    return found


def _of_oracle(inputs: Inputs, ideal, name: str, questions: list[str]) -> list[str]:
    """What the oracle says to the same questions."""
    records = inputs.oracle_records
    if name not in ideal.sets or ideal.sets[name].question != questions:
        raise LetheError(
            f"{inputs.records.path}: its {name} questions are not those of the oracle "
            f"{records.path}; evaluate both on the same sets"
        )
    return ideal.sets[name].generation
