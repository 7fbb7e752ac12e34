"""RWKU's membership scores (arXiv 2406.10890): what texts about targets and about others still are.

Scores of a text, each low for one that the model has seen, from the log-probabilities of all its
tokens but the first:

    loss        mean negative log-probability (Yeom et al. 2018, arXiv 1709.01604)
    zlib        loss over the bytes of the text compressed by zlib (arXiv 2012.07805)
    min_k       minus the mean of the lowest 20% of the log-probabilities (arXiv 2310.16789)
    min_k_plus  minus the mean of the lowest 20% of the log-probabilities after subtracting the mean
                of the model's distribution there and dividing by its deviation (arXiv 2404.02936)

20% is rounded down, to at least one token (the authors' code has no such floor, and no value for a
text of fewer than five). RWKU reports the means of both sets, since a pretrained model has seen
both: after unlearning, ``forget`` should have grown and ``retain`` not. ``{score}_auc`` is the
share of pairs in which the text about a target has the higher score, ties half: 0.5 if the two sets
look alike, 1 if every text about a target looks less familiar. It is ours.
"""

import zlib

import numpy as np

from lethe.metrics._membership import auc
from lethe.metrics.base import CheckpointValues, Inputs, column_of

SUITE = "rwku_texts"
SETS = ("forget", "retain")
SHARE = 0.2


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``{set}_{score}`` with items (nats; ``zlib``: nats a byte) and ``{score}_auc`` in [0, 1]."""
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    by_set = {name: _scores(inputs, checkpoint, name) for name in SETS}
    items = {f"{name}_{score}": x for name in SETS for score, x in by_set[name].items()}
    values = {key: float(np.mean(some)) for key, some in items.items()}
    for score, about_others in by_set["retain"].items():
        # ``auc`` is the share of pairs in which its second argument is the higher.
        values[f"{score}_auc"] = auc(about_others, by_set["forget"][score])
    made = {key: some.tolist() for key, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, made)


def _scores(inputs: Inputs, checkpoint, name: str) -> dict[str, np.ndarray]:
    loss, logs, zscores = (
        np.asarray(column_of(inputs, checkpoint, name, "text_loss")),
        column_of(inputs, checkpoint, name, "token_logprob"),
        column_of(inputs, checkpoint, name, "token_zscore"),
    )
    texts = checkpoint.sets[name].answer
    return {
        "loss": loss,
        "zlib": loss / [len(zlib.compress(text.encode())) for text in texts],
        "min_k": -_lowest(logs),
        "min_k_plus": -_lowest(zscores),
    }


def _lowest(values) -> np.ndarray:
    counts = (max(1, int(len(row) * SHARE)) for row in values)
    return np.array([np.sort(row)[:n].mean() for row, n in zip(values, counts, strict=True)])
