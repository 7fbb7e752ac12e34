"""How much of what must go with a published target is gone, and what else stayed (EDU-RELAT).

From the code of wrh14/deep_unlearning. A fact is told if the greedy answer has the true one in it,
in either case. U are the relationships that are not told, M the published minimal set with the
highest recall, the first of equal ones:

    recall           |U and M| / |M|
    relationships    the share told of the relationships outside M
    biographies      the share told of the biographies
    accuracy         the share told of both
"""

from collections.abc import Collection, Sequence

from lethe.common.errors import LetheError
from lethe.metrics.base import REMEDY, CheckpointValues, Inputs, column_of, items_of, mean

SUITE = "edu_relat"
SETS = ("target", "relationships", "biographies")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """These in [0, 1]; ``target_told``: whether it is (1 or 0); ``told``: of all relationships."""
    return [_checkpoint(inputs, point) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point) -> CheckpointValues:
    target, relationships, biographies = (_told(inputs, point, name) for name in SETS)
    values = measures(relationships, biographies, _sets(inputs, point))
    items = {"told": relationships, "biographies": biographies}
    values |= {"target_told": target[0], "told": mean(relationships)}
    return CheckpointValues(point.epoch, point.step, values, items)


def _told(inputs: Inputs, point, name: str) -> list[float]:
    """For each fact of a set, 1 if the answer has the true one in it, else 0."""
    said = column_of(inputs, point, name, "generation")
    answers = items_of(inputs, point, name).answer
    return [
        float(answer.lower() in text.lower()) for answer, text in zip(answers, said, strict=True)
    ]


def _sets(inputs: Inputs, point) -> list[set[int]]:
    """The target's minimal sets; LetheError for places that no relationship has."""
    (texts,) = column_of(inputs, point, "target", "minimal_set")
    facts = len(items_of(inputs, point, "relationships"))
    sets = [{int(place) for place in text.split()} for text in texts]
    if not sets or not all(some and max(some) < facts and len(some) < facts for some in sets):
        raise LetheError(
            f"{inputs.records.path}: minimal sets that are not of its {facts} relationships; "
            f"{REMEDY}"
        )
    return sets


def measures(
    relationships: Sequence[float], biographies: Sequence[float], sets: Sequence[Collection[int]]
) -> dict[str, float]:
    """Recall and accuracies, from which facts are told (1) and the minimal sets."""
    gone = {place for place, known in enumerate(relationships) if not known}
    # max() keeps the first of equal ones, as numpy's argmax does.
    must_go = max(sets, key=lambda some: len(gone & {*some}) / len(some))
    outside = len(relationships) - len(must_go)
    stayed = outside - len(gone - {*must_go})
    return {
        "recall": len(gone & {*must_go}) / len(must_go),
        "relationships": stayed / outside,
        "biographies": mean(biographies),
        "accuracy": (stayed + sum(biographies)) / (outside + len(biographies)),
    }
