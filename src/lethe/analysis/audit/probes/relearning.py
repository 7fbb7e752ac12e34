"""Relearning: how fast the forgotten comes back in a short training on it, against the oracle.

The oracle learns the same rows for the first time; a model that knows them still needs less.
"""

from collections.abc import Mapping
from typing import Any

from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._after_attack import likelihoods

TITLE = "Relearning"
MEASURES = "the probability by token of the true answer after a few steps of training on them"
EXAMPLE = "the probability of the true answer after relearning"
ATTACKS = ("relearning",)
SUITES = ("tokens",)
METRICS = ("probability",)
ORACLE = True
SETTINGS = {
    "steps": {"default": 6, "least": 2},
    "batch_size": {"default": 16, "least": 1},
    # At width 128; the rate falls with the width, as Adam's must (muP, arXiv 2203.03466).
    "lr": {"default": 0.0005, "above": 0, "most": 1},
}
WIDTH = 128
BUDGETS = {
    "minutes": {"items": 120, "steps": 6},
    "hour": {"items": 400, "steps": 20},
    "all": {"items": 1000000, "steps": 20},
}


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """The probability of every answer that was relearned."""
    rows = subject.rows("forget", settings["items"])
    model, _ = subject.loaded
    chosen = {key: settings[key] for key in ("steps", "batch_size")}
    chosen["lr"] = min(1.0, settings["lr"] * WIDTH / width(model))
    return likelihoods(subject, subject.attacked("relearning", chosen, rows), settings)


def width(model) -> int:
    """The size of a model's hidden states."""
    return model.get_input_embeddings().weight.shape[1]
