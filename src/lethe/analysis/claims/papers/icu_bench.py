"""ICU-Bench: what becomes of a model that is asked to forget again and again."""

import statistics

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import EXACT, Criterion
from lethe.common.errors import LetheError

PAPER = "ICU-Bench, 2605.05938"
SUBJECT = "requests"


def above_spread(runs: Runs, run: str, modality: str = "") -> float:
    """How far a run's rebound exceeds the spread over seeds of what is left of requests.

    ``modality``: ``_by_picture``, for questions by picture alone.
    """
    left = [one.in_sequence(run, f"earlier{modality}") for one in (runs, *runs.others)]
    if len(left) < 2:
        raise LetheError("claims: a spread over seeds needs at least two; list more seeds")
    return runs.in_sequence(run, f"rebound{modality}") - statistics.stdev(left)


def lost(runs: Runs, run: str) -> float:
    """By how much the retain set's probability falls from the first request to the last."""
    return runs.in_sequence(run, "retained_first") - runs.in_sequence(run, "retained")


CLAIMS = (
    Claim(
        "forgotten answers come back when later requests are answered (NPO): rebound less the "
        "spread over seeds of what is left of earlier requests",
        ("npo",),
        lambda r: above_spread(r, "npo"),
    ),
    Claim(
        "the same for NPO with a retain term",
        ("npo_retain",),
        lambda r: above_spread(r, "npo_retain"),
    ),
    Claim(
        "a method that leaves the weights alone lets nothing come back (GUARD-IT): rebound",
        ("guard_it",),
        lambda r: r.in_sequence("guard_it", "rebound"),
        Criterion("=", 0.0, 0.0, EXACT),
    ),
    Claim(
        "and erodes nothing: share of the retain set's probability that is left after the last "
        "request",
        ("guard_it",),
        lambda r: r.in_sequence("guard_it", "retained"),
        Criterion("=", 1.0, CLOSE),
    ),
    Claim(
        "the retain set erodes with the requests (NPO): share of its probability lost from the "
        "first to the last",
        ("npo",),
        lambda r: lost(r, "npo"),
    ),
    Claim(
        "gradient ascent collapses: share of the retain set's probability left after the last "
        "request",
        ("grad_ascent",),
        lambda r: r.in_sequence("grad_ascent", "retained"),
        Criterion("<", 0.5),
    ),
    Claim(
        "NPO more slowly: lead in the mean share left over all requests",
        ("npo", "grad_ascent"),
        lambda r: (
            r.in_sequence("npo", "retained_mean") - r.in_sequence("grad_ascent", "retained_mean")
        ),
    ),
)
