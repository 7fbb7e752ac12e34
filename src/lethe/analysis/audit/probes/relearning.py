"""Relearning: how fast forgotten facts come back in a short training on them, against the oracle.

The oracle learns the same rows for the first time; a model that knows them still needs less.
"""

from collections.abc import Mapping
from typing import Any

from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._after_attack import likelihoods, training

TITLE = "Relearning"
MEASURES = "the per-token probability of the true answer after a few steps of training on the "
"answers"
EXAMPLE = "the probability of the true answer after relearning"
ATTACKS = ("relearning",)
SUITES = ("tokens",)
METRICS = ("probability",)
ORACLE = True
SETTINGS = {
    "steps": {"default": 6, "least": 2},
    "batch_size": {"default": 16, "least": 1},
    "lr": {"default": 0.0005, "above": 0, "most": 1},
}
BUDGETS = {
    "minutes": {"items": 120, "steps": 6},
    "hour": {"items": 400, "steps": 20},
    "all": {"items": 1000000, "steps": 20},
}


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """The probability of every answer that was relearned."""
    rows = subject.rows("forget", settings["items"])
    attacked = subject.attacked("relearning", training(subject, settings), rows)
    return likelihoods(subject, attacked, settings)
