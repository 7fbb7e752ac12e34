"""VLM-UnBench: instructions instead of unlearning, for questions with pictures."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, not_built
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "VLM-UnBench, 2604.03114"
SUBJECT = "pictures"
# ULBench's bounds: how much a model must need the picture, and what an instruction that names the
# answer must change.
GAP = FALL = 0.2


def _known(runs: Runs, run: str, condition: str = "picture") -> float:
    return runs.end(run, "pictures", f"{condition}_probability")


def _gap(runs: Runs) -> float:
    """How much likelier answers are with the right picture than without, or with another's."""
    controls = (_known(runs, "full", name) for name in ("no_picture", "other_picture"))
    return _known(runs, "full") - max(controls)


def _fall(runs: Runs, run: str) -> float:
    return _known(runs, "full") - _known(runs, run)


CLAIMS = (
    Claim(
        "full answers by what it sees: probability with the right picture less the larger of "
        "those with none and with another person's",
        ("full",),
        _gap,
        Criterion("≥", GAP),
    ),
    Claim(
        "soft and medium instructions hardly change what is said of a picture: largest fall of "
        "its answers' probability",
        ("prompt", "prompt_medium", "full"),
        lambda r: max(_fall(r, "prompt"), _fall(r, "prompt_medium")),
        Criterion("<", CLOSE),
    ),
    Claim(
        "only the instruction that names the answer does: its fall",
        ("prompt_oracle", "full"),
        lambda r: _fall(r, "prompt_oracle"),
        Criterion("≥", FALL),
    ),
    not_built(
        "a choice of options without the picture is at chance",
        Criterion("=", 0.25, 0.15),
        "a small model that still knows letters after it has learned faces",
    ),
)
