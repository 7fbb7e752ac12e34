"""Hidden knowledge: facts that come back when the model is trained on other forget facts.

The attack ``retraining_on_part`` trains on a share of the forget set; this metric tests the rest
(RTT, arXiv 2410.08827): the share of questions that the model answers correctly, which is what it
recovered, and the same for the oracle after the same training. The oracle never knew these facts,
so it guessed or inferred what it answers correctly; the difference was hidden in the weights.

``by`` says when an answer is right (``lethe.metrics._held_out``).
"""

from lethe.metrics._held_out import means, of, oracle_of, right, same, used
from lethe.metrics.base import CheckpointValues, Inputs, items_of

ATTACK = "retraining_on_part"
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETS = ("forget",)
SETTINGS = {"by": ("choice", "words")}
NAME = "hidden_knowledge"


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Shares in [0, 1] of right answers, after and before the attack; their differences; counts.

    ``recovered``, ``before``: of the rows that were held out, after the attack and before;
    ``oracle``, ``oracle_before``: the oracle's; ``hidden``: ``recovered - oracle``; ``taught``: of
    the rows trained on, after the attack; ``held_out``: how many rows. LetheError if the records do
    not say what was trained on, and if the records compared have other questions or another part.
    """
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    mine = used(inputs, point, ATTACK)
    after = right(inputs, point)
    before = right(inputs, same(inputs, point, inputs.before, NAME))
    items = {
        "recovered": of(after, mine, False),
        "before": of(before, mine, False),
        "taught": of(after, mine, True),
    }
    if inputs.oracle_records is not None:
        items |= _oracle(inputs, point, mine, items["recovered"])
    values = means(inputs, items)
    values["held_out"] = len(items["recovered"])
    asked = zip(items_of(inputs, point, "forget").question, mine, after, strict=True)
    asked = [question for question, taught, r in asked if not taught and r is not None]
    return CheckpointValues(point.epoch, point.step, values, items, {"recovered": asked})


def _oracle(inputs: Inputs, point, mine, recovered) -> dict[str, list[float]]:
    after = of(right(inputs, oracle_of(inputs, point, NAME)), mine, False)
    items = {"oracle": after, "hidden": [a - b for a, b in zip(recovered, after, strict=True)]}
    if inputs.oracle_before is not None:
        before = right(inputs, same(inputs, point, inputs.oracle_before, NAME))
        items["oracle_before"] = of(before, mine, False)
    return items
