"""PPU-Bench's generation task (arXiv 2605.08800): ROUGE-L of greedy answers, forget and retain.

The paper's other tasks (cloze, classification) need rows that its training pairs do not have.
"""

from lethe.common.rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, mean

SUITE = "lume"
SETS = ("forget", "retain")


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``forget`` and ``retain``: mean ROUGE-L recall in [0, 1]; ``gap``: retain minus forget.

    [RECON] The paper says ROUGE-L; that it is recall, as in TOFU, is our choice.
    """
    score = rouge_l()
    return [_checkpoint(inputs, point, score) for point in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, point, score) -> CheckpointValues:
    items = {}
    for name in SETS:
        said = column_of(inputs, point, name, "generation")
        answers = items_of(inputs, point, name).answer
        pairs = zip(answers, said, strict=True)
        items[name] = [float(score(*pair).recall) for pair in pairs]
    values = {name: mean(some) for name, some in items.items()}
    values["gap"] = values["retain"] - values["forget"]
    return CheckpointValues(point.epoch, point.step, values, items)
