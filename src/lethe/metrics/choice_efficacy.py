"""How much less a model chooses right than before unlearning, item by item (ULBench).

M0 is the full model, Mu this one (arXiv 2604.03114, specification v1): ``access`` is M0 - Mu over
all forget items, where whatever is not correct counts as wrong; ``clean`` the same over the items
at which both made a choice; ``retain_fidelity`` the share of the retain items M0 gets right that Mu
also gets right. ``access_{condition}`` is what an instruction alone takes from this model's correct
answers: prompt-based behavioural suppression, not forgetting.
"""

from lethe.evaluate.choices import CONDITIONS, NORMAL
from lethe.metrics.base import CheckpointValues, Inputs, only_checkpoint

RECORDS = False
NEEDS = ("choice_statuses",)
FULL = True


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Differences in [-1, 1], a share, and the number of items behind ``clean`` and the share.

    A number without items is 0; its count says so.
    """
    own, full = inputs.needs["choice_statuses"], inputs.full["choice_statuses"]
    before = only_checkpoint(full, "a full model")
    return [_scored(before, checkpoint) for checkpoint in own.checkpoints]


def _scored(before: CheckpointValues, after: CheckpointValues) -> CheckpointValues:
    access = _differences(_of(before, "forget"), _of(after, "forget"))
    scorable = [a and b for a, b in zip(_choices(before), _choices(after), strict=True)]
    clean = [value for value, counts in zip(access, scorable, strict=True) if counts]
    known = [
        now for was, now in zip(_of(before, "retain"), _of(after, "retain"), strict=True) if was
    ]
    values = {
        "access": _mean(access),
        "clean": _mean(clean),
        "clean_items": float(len(clean)),
        "retain_fidelity": _mean(known),
        "retain_items": float(len(known)),
    }
    items = {"access": access}
    plain = _of(after, "forget")
    for condition in CONDITIONS[1:]:
        key = f"access_{condition}"
        items[key] = _differences(plain, after.items[f"forget_{condition}_correct"])
        values[key] = _mean(items[key])
    return CheckpointValues(after.epoch, after.step, values, items)


def _of(checkpoint: CheckpointValues, name: str) -> list[float]:
    return checkpoint.items[f"{name}_{NORMAL}_correct"]


def _choices(checkpoint: CheckpointValues) -> list[bool]:
    """The forget items at which a choice was made, right or wrong."""
    kinds = [checkpoint.items[f"forget_{NORMAL}_{kind}"] for kind in ("correct", "incorrect")]
    return [bool(a + b) for a, b in zip(*kinds, strict=True)]


def _differences(before: list[float], after: list[float]) -> list[float]:
    return [a - b for a, b in zip(before, after, strict=True)]


def _mean(some: list[float]) -> float:
    return sum(some) / len(some) if some else 0.0
