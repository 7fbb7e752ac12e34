"""Truth ratio: are wrong answers as likely as the right one (TOFU, arXiv 2401.06121, Eq. 1).

R = P(wrong answers) / P(right answer), each answer's probability normalised by its length. The
right answer is the paraphrase, for sets without paraphrases the answer itself. Over the wrong ones:

    geometric    R = exp(l_right - mean_j l_j), as the published aggregation and the default here
    arithmetic   R = mean_j exp(l_right - l_j), the paper's Eq. 1

The forget set reports the mean of min(R, 1/R), the others the mean of max(0, 1 - R).
``forget_prob_mean`` is the mean of 1 / (1 + R), that is right / (right + wrong): the variant which
OpenUnlearning (arXiv 2506.12618) evaluates.
"""

import numpy as np

from lethe.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, items_of
from lethe.records import ItemSet

NEEDS = ()
ORACLE = False
SETTINGS = {"variant": ("geometric", "arithmetic")}
SETS = ("forget", "retain", "real_authors", "world_facts")
PARAPHRASED = ("forget", "retain")
# Collapsed models differ by hundreds of nats: R and 1/R are kept within what a double can hold.
LARGEST_LOG = 700.0


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Items R > 0 for the four sets, their values in [0, 1], and the forget set's questions.

    LetheError if a set, its paraphrases or its perturbed answers lack.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    variant = inputs.settings["variant"]
    logs = {}
    for name in SETS:
        items = items_of(inputs, checkpoint, name)
        where = f"{inputs.records.path}: epoch {checkpoint.epoch}, set '{name}'"
        logs[name] = _log_ratio(items, _right(items, name, where), variant, where)
    values = {name: _aggregate(name, log) for name, log in logs.items()}
    values["forget_prob_mean"] = float((1 / (1 + np.exp(logs["forget"]))).mean())
    ratios = {name: np.exp(log).tolist() for name, log in logs.items()}
    questions = {"forget": list(checkpoint.sets["forget"].question)}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, ratios, questions)


def _right(items: ItemSet, name: str, where: str) -> np.ndarray:
    """Loss of the right answer [n]: of the paraphrase, or of the answer where none belongs."""
    if items.paraphrase_loss is not None:
        return items.paraphrase_loss
    if name in PARAPHRASED:
        raise LetheError(f"{where}: no column 'paraphrase_loss'; record the paraphrased answers")
    return items.answer_loss


def _log_ratio(items: ItemSet, right: np.ndarray, variant: str, where: str) -> np.ndarray:
    """log R of each item, [n], within ±LARGEST_LOG."""
    bare = sum(len(row) == 0 for row in items.perturbed_loss)
    if bare:
        raise LetheError(f"{where}: {bare} items have no perturbed answers; give them at least one")
    over_wrong = np.mean if variant == "geometric" else _log_mean_exp
    pairs = zip(right, items.perturbed_loss, strict=True)
    logs = np.array([over_wrong(true - wrong) for true, wrong in pairs])
    return np.clip(logs, -LARGEST_LOG, LARGEST_LOG)


def _log_mean_exp(logs: np.ndarray) -> float:
    largest = logs.max()
    return largest + np.log(np.exp(logs - largest).mean())


def _aggregate(name: str, logs: np.ndarray) -> float:
    if name == "forget":
        return float(np.exp(-np.abs(logs)).mean())
    return float(np.maximum(0.0, 1.0 - np.exp(logs)).mean())
