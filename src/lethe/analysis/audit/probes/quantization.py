"""Quantisation: whether rounding the weights brings back what unlearning only covered up.

Unlearning that moves weights little may be rounded away (arXiv 2410.16454).
"""

from collections.abc import Mapping
from typing import Any

from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._after_attack import likelihoods

TITLE = "Quantisation"
MEASURES = "the per-token probability of the true answer after rounding weights to a few bits"
EXAMPLE = "the probability of the true answer after rounding"
ATTACKS = ("quantization",)
SUITES = ("tokens",)
METRICS = ("probability",)
ORACLE = True
SETTINGS = {"bits": {"default": 4, "least": 2, "most": 8}, "group": {"default": 32, "least": 1}}


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """The probability of every true answer under the rounded weights."""
    chosen = {key: settings[key] for key in ("bits", "group")}
    return likelihoods(subject, subject.attacked("quantization", chosen), settings)
