"""Probability of the true answer (TOFU, arXiv 2401.06121, Table 1).

With l(a) the mean negative log-likelihood of a token of answer a, p(a) = exp(-l(a)), that is
P(a|q)^(1/|a|). For the forget and the retain set the value is the mean of p(a); for the sets of
true facts it is the mean of p(a) / (p(a) + the sum of p over the wrong answers). Each probability
is normalised by its own answer's length first, as in the published code but not in the paper's
text.
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet
from lethe.metrics.base import CheckpointValues, Inputs, items_of

SETS = ("forget", "retain", "real_authors", "world_facts")
OPEN_SETS = ("forget", "retain")
CHOICE_SETS = ("real_authors", "world_facts")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1]; LetheError if a set or its wrong answers are missing."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    items = {}
    for name in OPEN_SETS:
        items[name] = np.exp(-items_of(inputs, checkpoint, name).answer_loss)
    for name in CHOICE_SETS:
        where = f"{inputs.records.path}: epoch {checkpoint.epoch}, set '{name}'"
        items[name] = _among_wrong(items_of(inputs, checkpoint, name), where)
    values = {name: float(p.mean()) for name, p in items.items()}
    lists = {name: p.tolist() for name, p in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, lists)


def _among_wrong(items: ItemSet, where: str) -> np.ndarray:
    """p(a) / (p(a) + sum of p over the wrong answers) for each item: [n]."""
    bare = sum(len(row) == 0 for row in items.perturbed_loss)
    if bare:
        raise LetheError(f"{where}: {bare} items have no wrong answers; give them at least one")
    pairs = zip(items.answer_loss, items.perturbed_loss, strict=True)
    # Numerator and denominator divided by p(a): defined even where all probabilities underflow.
    with np.errstate(over="ignore"):
        return np.array([1 / (1 + np.exp(true - wrong).sum()) for true, wrong in pairs])
