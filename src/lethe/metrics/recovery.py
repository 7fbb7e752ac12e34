"""Whose answer does the model give: the truth, the oracle's, or a wrong one? (MSA, 2506.20941.)

The model's answer to each question is compared with three candidates: the true answer, the oracle's
answer (the oracle never saw the forget set, so its answer is the ideal one), and a wrong answer.
The paper asks GPT-4o which is most similar. Our replacement, an offline judge, takes the one with
the highest ROUGE-L F1 (``rouge_score``, stemmed). It breaks ties against the method: for the truth
on the forget set, for a wrong answer on the retain set. An answer that shares no word with any of
the three counts as none of them.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.common.rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, only_recorded

ORACLE_RECORDS = True
SETS = ("forget", "retain")
TRUTH, WRONG, IDEAL, NONE = range(4)
# Ties go to the first of these.
STRICT = {"forget": (TRUTH, WRONG, IDEAL), "retain": (WRONG, TRUTH, IDEAL)}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Shares in [0, 1] for every checkpoint, and the judge's choice for each item.

    Items are 0 for the truth, 1 for the wrong answer, 2 for the ideal one, 3 for none of them.
    ``acc_forget``: share of forget questions where the truth was not chosen. ``acc_recover``: where
    the oracle's answer was chosen. ``acc_retain``: share of retain questions where either of the
    two was chosen. LetheError if the oracle was asked other questions or has several checkpoints.
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
    choices = []
    for candidates, generation in zip(
        zip(rows.answer, wrong, theirs, strict=True), said, strict=True
    ):
        likeness = [score(candidate, generation).fmeasure for candidate in candidates]
        choices.append(max(STRICT[name], key=likeness.__getitem__) if any(likeness) else NONE)
    return choices


def _of_oracle(inputs: Inputs, ideal, name: str, questions: list[str]) -> list[str]:
    """The oracle's answers to the same questions."""
    records = inputs.oracle_records
    if name not in ideal.sets or ideal.sets[name].question != questions:
        raise LetheError(
            f"{inputs.records.path}: its {name} questions are not those of the oracle "
            f"{records.path}; evaluate both on the same sets"
        )
    return ideal.sets[name].generation
