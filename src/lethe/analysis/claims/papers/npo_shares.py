"""Negative preference optimisation where a fifth to a half of the authors is to be forgotten."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS
from lethe.analysis.claims.runs import Runs, ratio
from lethe.analysis.claims.verdict import Criterion

PAPER = "NPO, 2404.05868"
SUBJECT = "npo_shares"
SPLITS = ("forget20", "forget30", "forget50")
OTHERS = ("grad_ascent", "grad_diff")


def _log_quality(runs: Runs, run: str) -> float:
    """The highest log10 p at any epoch."""
    return float(runs.course(run, "forget_quality", "log10_forget_quality").max())


CLAIMS = (
    Claim(
        "NPO + retain keeps utility when 20, 30 and 50% are to be forgotten: share of full's model "
        "utility",
        ("npo_retain", "full"),
        lambda r: ratio(r.model_utility("npo_retain"), r.model_utility("full")),
        Criterion(">", 0.5),
        splits=SPLITS,
    ),
    Claim(
        "there its forget quality is above gradient ascent's and gradient difference's: lead of "
        "its highest log10 p over theirs",
        ("npo_retain", *OTHERS),
        lambda r: _log_quality(r, "npo_retain") - max(_log_quality(r, name) for name in OTHERS),
        splits=SPLITS,
    ),
    Claim(
        "there it keeps at least as much retain utility as gradient difference where it forgot as "
        "much",
        ("npo_retain", "grad_diff"),
        lambda r: r.lead("npo_retain", "grad_diff"),
        NOT_LESS,
        splits=SPLITS,
    ),
)
