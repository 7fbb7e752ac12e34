"""ROUGE-L recall of the greedy answer (TOFU, arXiv 2401.06121, Table 1; Lin 2004).

The length of the longest common subsequence of words, over the number of words of the true answer:
the ``rouge_score`` package with Porter's stemmer, target = true answer, prediction = generation.
"""

from functools import cache

import numpy as np

from lethe.metrics.base import CheckpointValues, Inputs, items_of

SETS = ("forget", "retain", "real_authors", "world_facts")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] for the four sets; LetheError if a set lacks."""
    recall = _recall()
    return [_checkpoint(inputs, checkpoint, recall) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, recall) -> CheckpointValues:
    items = {}
    for name in SETS:
        rows = items_of(inputs, checkpoint, name)
        items[name] = list(map(recall, rows.answer, rows.generation))
    values = {name: float(np.mean(recalls)) for name, recalls in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _recall():
    """A function (answer, generation) -> recall. Checkpoints often repeat a generation: cached."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=True)

    @cache
    def recall(answer: str, generation: str) -> float:
        return float(scorer.score(answer, generation)["rougeL"].recall)

    return recall
