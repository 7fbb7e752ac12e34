"""Unlearning or untraining: what a share of a behaviour does to the rest of it."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, not_built
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import EXACT, Criterion

PAPER = "Unlearning or untraining, 2604.07962"
SUBJECT = "behaviour"
SHARES, WHOLE = ("tenth", "quarter", "half"), ("whole",)
METRIC = "generalisation"
DISTANCES = ("ks", "probability", "js")


def _apart(runs: Runs, run: str, name: str) -> float:
    """By how much a run is farther from the oracle of unlearning than from that of untraining."""
    far, near = (
        runs.end(run, METRIC, f"{role}_{name}") for role in ("without_all", "without_share")
    )
    return far - near


def _generalisation(runs: Runs, run: str) -> float:
    return runs.end(run, METRIC, "generalisation")


CLAIMS = (
    Claim(
        "with the whole behaviour given, both oracles are one: the largest difference between the "
        "distances to them (NPO)",
        ("npo",),
        lambda r: max(abs(_apart(r, "npo", name)) for name in DISTANCES),
        Criterion("=", 0.0, 0.0, EXACT),
        splits=WHOLE,
    ),
    Claim(
        "with a share given, doing nothing is nearer to untraining than to unlearning: how much "
        "nearer by |p - p_oracle|",
        ("full",),
        lambda r: _apart(r, "full", "probability"),
        splits=SHARES,
    ),
    Claim(
        "NPO's forgetting spreads to the rest of the behaviour: G",
        ("npo",),
        lambda r: _generalisation(r, "npo"),
        Criterion(">", CLOSE),
        splits=SHARES,
    ),
    Claim(
        "gradient ascent's does: G",
        ("grad_ascent",),
        lambda r: _generalisation(r, "grad_ascent"),
        Criterion(">", CLOSE),
        splits=SHARES,
    ),
    Claim(
        "MSA's spreads less than NPO's: difference of G",
        ("npo", "msa"),
        lambda r: _generalisation(r, "npo") - _generalisation(r, "msa"),
        splits=SHARES,
    ),
    not_built(
        "where a share was hardly memorised, doing nothing untrains it, and does not unlearn the "
        "behaviour",
        Criterion(),
        "shares drawn by how well the full model memorised them",
    ),
    not_built(
        "membership inference speaks of untraining alone",
        Criterion(),
        "membership metrics against each of two oracles",
    ),
)
