"""Whether what was forgotten can still be deduced from what was not (EDU-RELAT).

A fact is told if the greedy answer names the relative. U are the facts that are not told, M the
smallest sets of facts that must go so that a target is neither stated nor implied
(``lethe.world.families``). For each target, by the M that has most of U (wrh14/deep_unlearning; of
equal ones the one with the highest accuracy [RECON]):

    recall      |U and M| / |M|
    accuracy    the share told of the facts outside M
    deducible   1 if the target is told or follows from what is told
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import REMEDY, CheckpointValues, Inputs, items_of
from lethe.world.families import Fact, follows, minimal_sets, read, related

SUITE = "family"
SETS = ("targets", "family")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Means over targets in [0, 1]; ``targets_told`` and ``told``: shares of targets and of all."""
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    stated = _told(inputs, items_of(inputs, point, "family"))
    targets = _told(inputs, items_of(inputs, point, "targets"))
    numbers = [measures(stated, target) for target in targets]
    items = {key: [one[key] for one in numbers] for key in ("recall", "accuracy", "deducible")}
    items |= {
        "targets_told": [float(one) for one in targets.values()],
        "told": [float(one) for one in stated.values()],
    }
    values = {key: float(np.mean(some)) for key, some in items.items()}
    return CheckpointValues(point.epoch, point.step, values, items)


def _told(inputs: Inputs, rows) -> dict[Fact, bool]:
    """Every fact, and whether the answer names the relative."""
    by_fact = {}
    for question, answer, said in zip(rows.question, rows.answer, rows.generation, strict=True):
        fact = read(question, answer)
        if fact is None:
            raise LetheError(
                f"{inputs.records.path}: {question!r} asks about no relative; {REMEDY}"
            )
        by_fact[fact] = fact.other in said
    return by_fact


def measures(stated: dict[Fact, bool], target: Fact) -> dict[str, float]:
    """Recall, accuracy and whether it is deducible, of one target among the facts stated."""
    facts = related(stated, target.subject)
    known = {fact for fact, there in stated.items() if there}
    recall, accuracy = max(_by(one, known, stated) for one in minimal_sets(facts, target))
    return {
        "recall": recall,
        "accuracy": accuracy,
        "deducible": float(follows(facts, known & facts, target)),
    }


def _by(
    must_go: frozenset[Fact], known: set[Fact], stated: dict[Fact, bool]
) -> tuple[float, float]:
    others = stated.keys() - must_go
    staying = len(others & known) / len(others) if others else 1.0
    return len(must_go - known) / len(must_go), staying
