"""Unlearning in one of several languages, and scores of how far it reaches (KSS, KPS)."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.common.errors import LetheError

PAPER = "Knowledge Beyond Language (KSS, KPS), 2605.14404"
SUBJECT = "languages"
SCORES = "knowledge_spread"
# The world's own language, the only one in which the preset's runs unlearn, and all learned ones.
GIVEN = "L0"
LEARNED = ("L0", "L1", "L2")
SMALLER, LARGER = "forget10_in_L0", "forget30_in_L0"


def _kss(runs: Runs, run: str, name: str = "kss_roc") -> float:
    return runs.end(run, SCORES, name)


def _kps(runs: Runs, run: str) -> float:
    """KPS of the language given; LetheError if no fact is unknown there, which makes it void."""
    if runs.end(run, SCORES, f"unknown_{GIVEN}") == 0:
        raise LetheError(f"claims: {run} of seed {runs.seed} knows every forget fact in {GIVEN}")
    return runs.end(run, SCORES, f"kps_{GIVEN}")


def _least_forgetting(runs: Runs, run: str) -> float:
    """The mean of 1 - p over the forget facts, in the language where it is lowest."""
    return min(runs.end(run, SCORES, f"forgetting_{name}") for name in LEARNED)


CLAIMS = (
    Claim(
        "full tells no forget facts from retain facts: its KSS-ROC",
        ("full",),
        lambda r: _kss(r, "full"),
        Criterion("=", 0.5, margin=0.05),
        splits=(SMALLER,),
    ),
    Claim(
        "the oracle tells them apart: its KSS-ROC",
        (),
        lambda r: _kss(r, r.oracle),
        Criterion(">", 0.95),
        splits=(SMALLER,),
    ),
    Claim(
        "less so in a language in which no fact was learned: the oracle's KSS-ROC over the "
        "languages learned, less that over the hold-out one",
        (),
        lambda r: _kss(r, r.oracle) - _kss(r, r.oracle, "kss_roc_holdout"),
        splits=(SMALLER,),
    ),
    Claim(
        "unlearning in one language alone leaves facts known in others: KPS of that language",
        ("npo_retain",),
        lambda r: _kps(r, "npo_retain"),
        splits=(SMALLER,),
    ),
    Claim(
        "that is more than where facts were never learned: the same, less the oracle's KPS",
        ("npo_retain",),
        lambda r: _kps(r, "npo_retain") - _kps(r, r.oracle),
        splits=(SMALLER,),
    ),
    Claim(
        "a model that collapsed looks perfect in every single language: gradient ascent's lowest "
        "mean of 1 - p of forget facts",
        ("grad_ascent",),
        lambda r: _least_forgetting(r, "grad_ascent"),
        Criterion(">", 0.95),
        splits=(SMALLER,),
    ),
    Claim(
        "KSS-PR shows its collapse: gradient ascent's, less the base rate",
        ("grad_ascent",),
        lambda r: _kss(r, "grad_ascent", "kss_pr") - _kss(r, "grad_ascent", "base_rate"),
        Criterion("=", 0.0, margin=0.1),
        splits=(SMALLER,),
    ),
    Claim(
        "KSS falls as more is to be forgotten: KSS-ROC of NPO + retain where 30% are, less that "
        "where 10% are",
        ("npo_retain",),
        lambda r: _kss(r, "npo_retain") - _kss(r.on(SMALLER), "npo_retain"),
        Criterion("<", 0.0),
        splits=(LARGER,),
    ),
    unit_tested(
        "KSS is the area under ROC and precision-recall of the mean of 1 - p, KPS a share of the "
        "facts unknown in a language",
        "tests/metrics/test_knowledge_spread.py",
    ),
)
