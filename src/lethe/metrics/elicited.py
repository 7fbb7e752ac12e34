"""Elicited: what a text before the questions brings out that was searched on other forget rows.

The attack ``pez`` searches the text on a share of the forget set; this metric asks the rest, of the
model and of the oracle, for which a text of its own was searched on the same share. The oracle
never knew the answers, so what it says after its text was inferred or guessed; what a model says
beyond that, it still knew. ``blocked`` is LIRA's measure (arXiv 2604.10403, more than 99% of PEZ
attacks blocked), with one attack for each question that was held out [RECON]. ``by`` says when an
answer is right (``lethe.metrics._held_out``).
"""

import numpy as np

from lethe.metrics._held_out import means, of, oracle_of, right, same, used
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of

ATTACK = "pez"
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETS = ("forget",)
SETTINGS = {"by": ("words", "choice")}
NAME = "elicited"


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Shares in [0, 1] of right answers after and before the attack, probabilities, counts.

    Of the rows that were held out: ``elicited`` after the attack, ``before`` it, ``oracle`` and
    ``oracle_before`` the oracle's; ``beyond``: ``elicited - oracle``; ``blocked``: ``1 -
    elicited``; ``probability`` and ``probability_before``: the mean of exp(-l), l the mean loss of
    a token of the true answer, and ``oracle_probability``. ``searched``: right answers after the
    attack to the rows on which it was searched; ``held_out``: how many rows were not. LetheError
    as for ``hidden_knowledge``.
    """
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    mine = used(inputs, point, ATTACK)
    start = same(inputs, point, inputs.before, NAME)
    after = right(inputs, point)
    said = of(after, mine, False)
    items = {
        "elicited": said,
        "before": of(right(inputs, start), mine, False),
        "searched": of(after, mine, True),
        "blocked": [1 - one for one in said],
        "probability": of(_probabilities(inputs, point), mine, False),
        "probability_before": of(_probabilities(inputs, start), mine, False),
    }
    if inputs.oracle_records is not None:
        items |= _oracle(inputs, point, mine, said)
    values = means(inputs, items)
    values["held_out"] = len(said)
    asked = zip(items_of(inputs, point, "forget").question, mine, after, strict=True)
    asked = [question for question, searched, r in asked if not searched and r is not None]
    return CheckpointValues(point.epoch, point.step, values, items, {"elicited": asked})


def _oracle(inputs: Inputs, point, mine, said) -> dict[str, list[float]]:
    oracle = oracle_of(inputs, point, NAME)
    theirs = of(right(inputs, oracle), mine, False)
    items = {
        "oracle": theirs,
        "beyond": [a - b for a, b in zip(said, theirs, strict=True)],
        "oracle_probability": of(_probabilities(inputs, oracle), mine, False),
    }
    if inputs.oracle_before is not None:
        before = same(inputs, point, inputs.oracle_before, NAME)
        items["oracle_before"] = of(right(inputs, before), mine, False)
    return items


def _probabilities(inputs: Inputs, point) -> list[float]:
    return np.exp(-np.asarray(column_of(inputs, point, "forget", "answer_loss"))).tolist()
