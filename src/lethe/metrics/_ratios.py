"""The truth ratio of single items, which several metrics average in different ways."""

import numpy as np

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet
from lethe.metrics.base import Inputs, items_of

PARAPHRASED = ("forget", "retain")
# Losses of collapsed models differ by hundreds of nats: this keeps R and 1/R finite in a double.
LARGEST_LOG = 700.0


def log_ratios(inputs: Inputs, checkpoint, name: str, variant: str) -> np.ndarray:
    """log R of each item of a set, [n], within ±LARGEST_LOG.

    R = P(wrong answers) / P(right answer), each normalised by its length (arXiv 2401.06121, Eq. 1):
    ``arithmetic`` averages the wrong answers' probabilities, ``geometric`` their logarithms.
    LetheError if the set, its paraphrases or its perturbed answers are missing.
    """
    items = items_of(inputs, checkpoint, name)
    where = f"{inputs.records.path}: epoch {checkpoint.epoch}, set '{name}'"
    right = _right(items, name, where)
    bare = sum(len(row) == 0 for row in items.perturbed_loss)
    if bare:
        raise LetheError(f"{where}: {bare} items have no perturbed answers; give them at least one")
    over_wrong = np.mean if variant == "geometric" else _log_mean_exp
    pairs = zip(right, items.perturbed_loss, strict=True)
    logs = np.array([over_wrong(true - wrong) for true, wrong in pairs])
    return np.clip(logs, -LARGEST_LOG, LARGEST_LOG)


def closer_to_one(logs: np.ndarray) -> np.ndarray:
    """min(R, 1/R) of log R, [n]: near 1 where right and wrong answers are equally likely."""
    return np.exp(-np.abs(logs))


def _right(items: ItemSet, name: str, where: str) -> np.ndarray:
    """Loss of the right answer [n]: the paraphrase, or the answer itself in sets without one."""
    if items.paraphrase_loss is not None:
        return items.paraphrase_loss
    if name in PARAPHRASED:
        raise LetheError(f"{where}: no column 'paraphrase_loss'; record the paraphrased answers")
    return items.answer_loss


def _log_mean_exp(logs: np.ndarray) -> float:
    largest = logs.max()
    return largest + np.log(np.exp(logs - largest).mean())
