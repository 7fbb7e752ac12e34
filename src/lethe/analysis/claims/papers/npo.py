"""Negative preference optimisation, compared with gradient ascent (Zhang et al. 2024)."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS, SIGNIFICANT, unit_tested
from lethe.analysis.claims.runs import ratio
from lethe.analysis.claims.verdict import Criterion

PAPER = "NPO, 2404.05868"
NEVER = ("grad_ascent", "grad_diff", "kl_min")

CLAIMS = (
    unit_tested(
        "as β goes to 0 its gradient is gradient ascent's", "tests/unlearn/test_loss_formulas.py"
    ),
    Claim(
        "where it forgot as much as gradient ascent it keeps at least as much retain utility",
        ("npo", "grad_ascent"),
        lambda r: r.lead("npo", "grad_ascent"),
        NOT_LESS,
    ),
    Claim(
        "gradient ascent's utility collapses: share of retain utility kept",
        ("grad_ascent", "full"),
        lambda r: ratio(r.utility("grad_ascent"), r.utility("full")),
        Criterion("<", 0.5),
    ),
    Claim(
        "gradient ascent diverges linearly, NPO logarithmically",
        criterion=None,
        reason="without a language model: snakemake npo_study (docs/figures.md)",
    ),
    Claim(
        "NPO + retain reaches p > 0.05 at some epoch",
        ("npo_retain",),
        lambda r: r.best_quality("npo_retain"),
        Criterion(">", SIGNIFICANT),
    ),
    Claim(
        "gradient ascent, gradient difference and KL minimisation never do: highest p",
        NEVER,
        lambda r: max(r.best_quality(name) for name in NEVER),
        Criterion("<", SIGNIFICANT),
    ),
)
