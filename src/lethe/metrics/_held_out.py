"""Metrics of attacks that use a part of the forget set: which rows are left, what is right there.

An answer is right, by ``choice``, if the paraphrased true answer is likelier, by the mean over its
tokens, than each wrong one; or, by ``words``, if the model's own answer has at least half of the
true answer's novel words (``lethe.common.novel_words``; answers without any are left out).
"""

from math import fsum

from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words, recall
from lethe.metrics.base import Inputs, column_of, items_of
from lethe.world.row_digest import row_digest

HALF = 0.5


def used(inputs: Inputs, point, attack: str) -> list[bool]:
    """Whether the attack used each forget row; LetheError if it used none or left none."""
    rows = items_of(inputs, point, "forget")
    taught = set(point.taught)
    mine = [row_digest(*pair) in taught for pair in zip(rows.question, rows.answer, strict=True)]
    if not any(mine) or all(mine):
        raise LetheError(
            f"{inputs.records.path}: no row of its forget set was held out, or none trained on; "
            f"evaluate a checkpoint after the attack {attack}, on the whole forget set"
        )
    return mine


def same(inputs: Inputs, point, records, metric: str):
    """The last checkpoint of other records, which must have the same questions."""
    if records is None:
        raise LetheError(f"metric '{metric}': needs records before the attack; name them")
    other = records.checkpoints[-1]
    theirs = other.sets.get("forget")
    if theirs is None or theirs.question != items_of(inputs, point, "forget").question:
        raise LetheError(
            f"{records.path}: its forget questions are not those of {inputs.records.path}; "
            "evaluate both on the same sets"
        )
    return other


def oracle_of(inputs: Inputs, point, metric: str):
    """The oracle after the same attack on the same part; LetheError if it was another."""
    oracle = same(inputs, point, inputs.oracle_records, metric)
    if set(oracle.taught) != set(point.taught):
        raise LetheError(
            f"{inputs.oracle_records.path}: the oracle was trained on another part than "
            f"{inputs.records.path}; attack both with the same seed, share and forget set"
        )
    return oracle


def right(inputs: Inputs, point) -> list[float | None]:
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


def of(values: list[float | None], mine: list[bool], wanted: bool) -> list[float]:
    """The values of the rows that were used, or of those that were not, where they count."""
    return [v for v, m in zip(values, mine, strict=True) if m is wanted and v is not None]


def means(inputs: Inputs, items: dict[str, list[float]]) -> dict[str, float]:
    """The mean of each list; LetheError if one has no item."""
    empty = [name for name, some in items.items() if not some]
    if empty:
        raise LetheError(
            f"{inputs.records.path}: no answer of '{empty[0]}' has a word that is not in its "
            "question; set by to choice"
        )
    return {name: fsum(some) / len(some) for name, some in items.items()}
