"""Verbatim memorisation of MUSE (arXiv 2407.06460, section 3.1): do forget texts go on as learned?

The mean over MUSE's prompts of the ROUGE-L F1 (package ``rouge_score``, no stemming) of 128 greedy
tokens with as many true ones. MUSE prints it times 100.
"""

from lethe.metrics._muse import rouge_l_f1
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, mean

SUITE = "verbmem"
SETS = ("forget",)


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``forget`` in [0, 1], and each prompt's value as items."""
    score = rouge_l_f1()
    scored = []
    for checkpoint in inputs.records.checkpoints:
        said = column_of(inputs, checkpoint, "forget", "generation")
        true = items_of(inputs, checkpoint, "forget").answer
        items = [score(target, text) for target, text in zip(true, said, strict=True)]
        values, by_set = {"forget": mean(items)}, {"forget": items}
        scored.append(CheckpointValues(checkpoint.epoch, checkpoint.step, values, by_set))
    return scored
