"""VLM-UnBench by letters, with a model that obeys instructions naming what not to choose."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, check_letters, eligible
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "VLM-UnBench, 2604.03114"
SUBJECT = "audit"

LARGE, CHANCE = 0.2, 0.1


def _letters(runs: Runs, prompt: str = "") -> float:
    """Accuracy of full on the forget set, under an instruction or a control."""
    check_letters(runs)
    return runs.end("full", "choice_letters", f"forget_{prompt}" if prompt else "forget")


def _fall(runs: Runs, condition: str) -> float:
    return _letters(runs) - _letters(runs, condition)


CLAIMS = (
    Claim(
        "full knows enough for letters to mean something (gate of ULBench): 1 if it passes",
        ("full",),
        eligible,
        Criterion("≥", 1.0),
    ),
    *(
        Claim(
            f"a {condition} instruction hardly changes what is chosen: fall of accuracy",
            ("full",),
            lambda r, condition=condition: _fall(r, condition),
            Criterion("=", 0.0, margin=CLOSE),
        )
        for condition in ("soft", "medium")
    ),
    Claim(
        "one that names the answer does: fall of accuracy",
        ("full",),
        lambda r: _fall(r, "oracle"),
        Criterion("≥", LARGE),
    ),
    Claim(
        "options without a question are chosen by chance: accuracy above it",
        ("full",),
        lambda r: _letters(r, "option_only") - _letters(r, "chance"),
        Criterion("=", 0.0, margin=CHANCE),
    ),
)
