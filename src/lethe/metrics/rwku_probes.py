"""RWKU's probes (arXiv 2406.10890): ROUGE-L recall of short answers, by level and kind.

The recall is that of the package ``rouge``, as in the authors' code; an empty answer has none. The
mean of a level is over its probes. ``forget`` and ``neighbor`` are means over the probes of all
levels [RECON: the paper has such a column, its code computes none].
"""

from lethe.common.errors import LetheError
from lethe.metrics._sentence_rouge import recall
from lethe.metrics.base import CheckpointValues, Inputs, column_of, items_of, mean
from lethe.world.rwku_rows import adversarial

SUITE = "rwku"
SETS = ("forget", "neighbor")
# The levels that each set has.
LEVELS = {"forget": ("1", "2", "3"), "neighbor": ("1", "2")}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values and items in [0, 1] of each set, of each of its levels and of level 3's kinds.

    LetheError if a set has no probe of a level; a kind without probes has no value.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    items: dict[str, list[float]] = {}
    for name in SETS:
        rows = items_of(inputs, checkpoint, name)
        said, levels, kinds = (
            column_of(inputs, checkpoint, name, column) for column in ("generation", "task", "form")
        )
        scores = [recall(*pair) for pair in zip(rows.answer, said, strict=True)]
        items[name] = scores
        for level in LEVELS[name]:
            own = [score for score, at in zip(scores, levels, strict=True) if at == level]
            if not own:
                raise LetheError(
                    f"{inputs.records.path}: set '{name}' has no probe of level {level}; raise "
                    "evaluation.items, or get RWKU's files again"
                )
            items[f"{name}_level{level}"] = own
        items |= _by_kind(inputs, name, scores, levels, kinds)
    values = {name: mean(some) for name, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _by_kind(inputs: Inputs, name: str, scores, levels, kinds) -> dict[str, list[float]]:
    """The scores of level 3 by kind, in the order of the kinds' names."""
    by_kind: dict[str, list[float]] = {}
    for score, level, kind in zip(scores, levels, kinds, strict=True):
        if level == "3":
            plain = adversarial(kind, f"{inputs.records.path}: set '{name}'").replace(" ", "_")
            by_kind.setdefault(f"{name}_{plain}", []).append(score)
    return dict(sorted(by_kind.items()))
