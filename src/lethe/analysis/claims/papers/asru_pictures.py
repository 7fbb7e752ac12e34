"""ASRU across text and pictures, which it is claimed for."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "ASRU, 2605.15687"
SUBJECT = "asru_pictures"


def _raised(runs: Runs, run: str, before: str, asked: str = "picture") -> float:
    """By how much a run refuses more questions of a modality than another."""
    refused = f"{asked}_refused"
    return runs.end(run, "pictures", refused) - runs.end(before, "pictures", refused)


def _told(runs: Runs, run: str) -> float:
    return runs.end(run, "pictures", "retain_picture_rouge")


CLAIMS = (
    Claim(
        "stage 1 makes a model refuse questions by picture: refusals raised by",
        ("asru_edit", "full"),
        lambda r: _raised(r, "asru_edit", "full"),
    ),
    Claim(
        "and those by text: refusals raised by",
        ("asru_edit", "full"),
        lambda r: _raised(r, "asru_edit", "full", "text"),
    ),
    Claim(
        "stage 2 raises refusals by picture above those of stage 1 by",
        ("asru", "asru_edit"),
        lambda r: _raised(r, "asru", "asru_edit"),
    ),
    Claim(
        "and answers retain questions by picture better than stage 1: ROUGE-L above by",
        ("asru", "asru_edit"),
        lambda r: _told(r, "asru") - _told(r, "asru_edit"),
    ),
    Claim(
        "a random direction of the same length does not: refusals by picture raised by",
        ("asru_random", "full"),
        lambda r: _raised(r, "asru_random", "full"),
        Criterion("=", 0.0, CLOSE),
    ),
)
