"""Hidden knowledge: facts that come back when the model is trained on other forget facts.

The attack ``retraining_on_part`` trains on a share of the forget set; this metric tests the rest
(RTT, arXiv 2410.08827): the share of questions that the model answers correctly, which is what it
recovered, and the same for the oracle after the same training. The oracle never knew these facts,
so it guessed or inferred what it answers correctly; the difference was hidden in the weights.

An answer is right, with ``by: choice``, if the paraphrased true answer is likelier, by the mean
over its tokens, than each wrong one; or, with ``by: words``, if the model's own answer has at least
half of the true answer's novel words (``lethe.common.novel_words``; answers without any are left
out).
"""

from math import fsum

from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words, recall
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of
from lethe.world.row_digest import row_digest

ATTACK = "retraining_on_part"
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETS = ("forget",)
SETTINGS = {"by": ("choice", "words")}
HALF = 0.5


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Shares in [0, 1] of right answers, after and before the attack; their differences; counts.

    ``recovered``, ``before``: of the rows that were held out, after the attack and before;
    ``oracle``, ``oracle_before``: the oracle's; ``hidden``: ``recovered - oracle``; ``taught``: of
    the rows trained on, after the attack; ``held_out``: how many rows. LetheError if the records do
    not say what was trained on, and if the records compared have other questions or another part.
    """
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    rows = items_of(inputs, point, "forget")
    taught = set(point.taught)
    mine = [row_digest(*pair) in taught for pair in zip(rows.question, rows.answer, strict=True)]
    if not any(mine) or all(mine):
        raise LetheError(
            f"{inputs.records.path}: no row of its forget set was held out, or none trained on; "
            "evaluate a checkpoint after the attack retraining_on_part, on the whole forget set"
        )
    after = _right(inputs, point)
    before = _right(inputs, _same(inputs, point, inputs.before))
    items = {
        "recovered": _of(after, mine, False),
        "before": _of(before, mine, False),
        "taught": _of(after, mine, True),
    }
    if inputs.oracle_records is not None:
        items |= _oracle(inputs, point, mine, items["recovered"])
    empty = [name for name, some in items.items() if not some]
    if empty:
        raise LetheError(
            f"{inputs.records.path}: no answer of '{empty[0]}' has a word that is not in its "
            "question; set by to choice"
        )
    values = {name: fsum(some) / len(some) for name, some in items.items()}
    values["held_out"] = len(items["recovered"])
    asked = zip(rows.question, mine, after, strict=True)
    asked = [question for question, taught, r in asked if not taught and r is not None]
    return CheckpointValues(point.epoch, point.step, values, items, {"recovered": asked})


def _oracle(inputs: Inputs, point, mine, recovered) -> dict[str, list[float]]:
    oracle = _same(inputs, point, inputs.oracle_records)
    if set(oracle.taught) != set(point.taught):
        raise LetheError(
            f"{inputs.oracle_records.path}: the oracle was trained on another part than "
            f"{inputs.records.path}; attack both with the same seed, share and forget set"
        )
    after = _of(_right(inputs, oracle), mine, False)
    items = {"oracle": after, "hidden": [a - b for a, b in zip(recovered, after, strict=True)]}
    if inputs.oracle_before is not None:
        before = _right(inputs, _same(inputs, point, inputs.oracle_before))
        items["oracle_before"] = _of(before, mine, False)
    return items


def _same(inputs: Inputs, point, records):
    """The last checkpoint of other records, which must have the same questions."""
    if records is None:
        raise LetheError("metric 'hidden_knowledge': needs records before the attack; name them")
    other = records.checkpoints[-1]
    theirs = other.sets.get("forget")
    if theirs is None or theirs.question != items_of(inputs, point, "forget").question:
        raise LetheError(
            f"{records.path}: its forget questions are not those of {inputs.records.path}; "
            "evaluate both on the same sets"
        )
    return other


def _of(right: list[float | None], mine: list[bool], wanted: bool) -> list[float]:
    return [r for r, m in zip(right, mine, strict=True) if m is wanted and r is not None]


def _right(inputs: Inputs, point) -> list[float | None]:
    """1 for an answer that is right, 0 for one that is not, None for one that does not count."""
    if inputs.settings["by"] == "choice":
        true = column_of(inputs, point, "forget", "paraphrase_loss")
        wrong = column_of(inputs, point, "forget", "perturbed_loss")
        return [float(t < min(w)) for t, w in zip(true, wrong, strict=True)]
    rows, said = point.sets["forget"], column_of(inputs, point, "forget", "generation")
    novel = list(map(novel_words, rows.question, rows.answer))
    return [
        float(recall(words, text) >= HALF) if words else None
        for words, text in zip(novel, said, strict=True)
    ]
