"""The reliability paradox: a model can be well calibrated and decide by shortcuts.

Calibration is that of the choice by likelihood, which every model makes; shortcuts are those of the
choice by letters, so they are meaningful only if full knows letters.
"""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS, UNLEARNED, check_letters
from lethe.analysis.claims.runs import Runs

PAPER = "Reliability paradox, 2605.20915"
SUBJECT = "audit"


def _error(runs: Runs, run: str) -> float:
    """ECE of the choice by likelihood on the retain set, which full and oracle have learned."""
    return runs.end(run, "calibration", "retain_ece")


def _calibrated_shortcuts(runs: Runs) -> float:
    """The largest lead in P_SC over full among methods calibrated better than the base; else -1."""
    check_letters(runs)
    better = [run for run in UNLEARNED if _error(runs, run) < _error(runs, "base")]
    full = runs.end("full", "shortcuts", "forget")
    return max((runs.end(run, "shortcuts", "forget") - full for run in better), default=-1.0)


CLAIMS = (
    Claim(
        "full is calibrated better than the base (ECE by likelihood, retain set): by",
        ("base", "full"),
        lambda r: _error(r, "base") - _error(r, "full"),
    ),
    Claim(
        "so is the oracle: by",
        ("base", "retain"),
        lambda r: _error(r, "base") - _error(r, r.oracle),
    ),
    Claim(
        "some unlearned model that is calibrated better than the base decides by shortcuts at "
        "least as often as full: its lead in P_SC",
        ("base", "full", *UNLEARNED),
        _calibrated_shortcuts,
        NOT_LESS,
    ),
)
