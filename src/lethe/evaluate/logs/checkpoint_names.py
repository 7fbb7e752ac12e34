"""What the names of open-unlearning's published checkpoints say (huggingface.co/open-unlearning).

``tofu_MODEL_full`` learned everything, ``tofu_MODEL_retain90`` is the oracle of forget10, and
``unlearn_tofu_MODEL_forget10_TRAINER_lr1e-05_…_epoch10`` was unlearned from full. ``pos_…`` and
``neg_…`` are members of its pools for the test of metrics.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lethe.common.errors import LetheError

FULL, ORACLE = "full", "retain"
POOLS = ("pos_tofu_", "neg_tofu_")
_TRAINED = re.compile(r"tofu_(?P<model>.+)_(?:(?P<full>full)|retain(?P<share>\d\d))")
_UNLEARNED = re.compile(
    r"unlearn_tofu_(?P<model>.+?)_(?P<split>forget\d\d)_(?P<trainer>[A-Za-z]+)(?P<rest>(?:_.+)?)"
)
_SETTING = re.compile(r"([a-z]+)(\d.*)")
_COMMON = {"lr": "lr", "epoch": "epochs", "ep": "epochs"}
_RETAIN = {"alpha": "retain_weight"}
# Its trainers: which of our methods each is, and what its abbreviations are there.
TRAINERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "AltPO": ("altpo", {"beta": "beta", **_RETAIN}),
    "GradDiff": ("grad_diff", _RETAIN),
    "IdkDPO": ("dpo", {"beta": "beta", **_RETAIN}),
    "IdkNLL": ("idk", _RETAIN),
    "NPO": ("npo_retain", {"beta": "beta", **_RETAIN}),
    "RMU": ("rmu", {"layer": "layer", "scoeff": "steering"}),
    "SimNPO": (
        "simnpo",
        {"b": "beta", "a": "retain_weight", "d": "delta", "g": "forget_weight"},
    ),
    "UNDIAL": ("undial", {"beta": "beta", **_RETAIN}),
}


@dataclass(frozen=True)
class CheckpointName:
    """A published checkpoint: its model, split, run, and for an unlearned one how it was made.

    ``split`` is None for full, which is that of all splits. ``run`` names it in results: full,
    retain, or trainer and settings. ``method`` and ``settings`` are ours.
    """

    model: str
    split: str | None
    run: str
    method: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def read(name: str) -> CheckpointName | None:
    """What a checkpoint's name says; None for a name of another form.

    LetheError for a member of the pools, a trainer or a setting that is not known here.
    """
    if name.startswith(POOLS):
        raise LetheError(f"{name}: a model of open-unlearning's pools, not a run; leave it out")
    if (match := _UNLEARNED.fullmatch(name)) is not None:
        method, settings = _made(name, match["trainer"], match["rest"].strip("_"))
        run = re.sub("[^a-z0-9]+", "_", (match["trainer"] + match["rest"]).lower())
        return CheckpointName(match["model"], match["split"], run, method, settings)
    if (match := _TRAINED.fullmatch(name)) is None:
        return None
    if match["full"]:
        return CheckpointName(match["model"], None, FULL)
    return CheckpointName(match["model"], f"forget{100 - int(match['share']):02d}", ORACLE)


def _made(name: str, trainer: str, rest: str) -> tuple[str, dict[str, Any]]:
    if trainer not in TRAINERS:
        known = ", ".join(TRAINERS)
        raise LetheError(f"{name}: trainer {trainer} is not known; there are {known}")
    method, keys = TRAINERS[trainer]
    settings = {}
    for part in filter(None, rest.split("_")):
        match = _SETTING.fullmatch(part)
        key = (_COMMON | dict(keys)).get(match[1]) if match else None
        if key is None:
            raise LetheError(f"{name}: {part!r} is no setting of {trainer} known here; rename it")
        settings[key] = _number(match[2], name)
    return method, settings


def _number(text: str, name: str) -> int | float:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise LetheError(f"{name}: {text!r} is no number; rename it") from None
