"""MDU: forgetting in masked-diffusion models, with a temper between uniform and prompt-free."""

import numpy as np

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS, unit_tested
from lethe.analysis.claims.runs import Runs

PAPER = "MDU, 2605.18253"
SUBJECT = "diffusion"
# By tau, from 0 to 1.
RUNS = ("mdu_0", "mdu_25", "mdu_50", "mdu_75", "mdu_100")
PORTS = ("grad_ascent", "grad_diff", "npo_retain")
RETAIN = ("probability", "retain")


def _slope(values: list[float]) -> float:
    """How much a value rises from tau 0 to 1, by least squares."""
    return float(np.polyfit(np.linspace(0, 1, len(values)), values, 1)[0])


def _least_lead(runs: Runs) -> float:
    """The smallest lead over the ports of the tau that leads each most, where both forgot alike."""
    return min(max(runs.lead(run, port, RETAIN) for run in RUNS) for port in PORTS)


CLAIMS = (
    Claim(
        "the lower tau, the more is forgotten: slope of the forget probability over tau",
        RUNS,
        lambda r: _slope([r.forget(run) for run in RUNS]),
    ),
    Claim(
        "the higher tau, the more stays: slope of the retain probability over tau",
        RUNS,
        lambda r: _slope([r.end(run, *RETAIN) for run in RUNS]),
    ),
    Claim(
        "with the best tau it keeps at least as much as gradient ascent, gradient difference and "
        "NPO where it forgot as much: smallest lead in retain probability",
        (*RUNS, *PORTS),
        _least_lead,
        NOT_LESS,
    ),
    unit_tested(
        "the divergence is 0 where the prompt tells nothing, and the loss is its formula",
        "tests/unlearn/test_masked_diffusion.py",
    ),
)
