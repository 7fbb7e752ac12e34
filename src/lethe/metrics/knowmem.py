"""Knowledge memorisation and utility of MUSE (arXiv 2407.06460, section 3.1).

The mean ROUGE-L F1 (package ``rouge_score``, no stemming) of answers to questions about the forget
set, and about the retain set, which is MUSE's utility. MUSE prints both times 100. ``shared`` is
that of questions about what both sets say (DUSK, arXiv 2505.15209), where they were asked.
"""

from lethe.metrics._muse import rouge_l_f1
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, mean

SUITE = "knowmem"
SETS = ("forget", "retain")
OPTIONAL = ("shared",)


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``forget``, ``retain`` and, if asked, ``shared`` in [0, 1]; each question's as items."""
    score = rouge_l_f1()
    scored = []
    for checkpoint in inputs.records.checkpoints:
        items = {}
        for name in (*SETS, *(name for name in OPTIONAL if name in checkpoint.sets)):
            said = column_of(inputs, checkpoint, name, "generation")
            true = items_of(inputs, checkpoint, name).answer
            items[name] = [score(target, text) for target, text in zip(true, said, strict=True)]
        values = {name: mean(some) for name, some in items.items()}
        scored.append(CheckpointValues(checkpoint.epoch, checkpoint.step, values, items))
    return scored
