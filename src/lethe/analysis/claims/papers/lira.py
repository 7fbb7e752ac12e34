"""LIRA and AdLIRA: forget questions are read as ones that are refused.

The paper is about jailbreaks, backdoors and WMDP; these are its claims applied to TOFU's questions.
Plain refusals (``lira_plain``) have the same loss without masks.
"""

import numpy as np

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import RETAIN_UTILITY, Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "LIRA, 2604.10403"
SUBJECT = "lira"


def at_equal_utility(runs: Runs, run: str, other: str, name: str) -> float:
    """A value of ``phrasings`` of a run at another's final utility, minus the other's final value.

    A run's values are interpolated between its epochs, the full model the first, over its utility's
    running minimum; beyond its end, the value at its end.
    """
    utility = runs.end(other, *RETAIN_UTILITY)
    return _course(runs, run, name, utility) - runs.end(other, "phrasings", name)


def _course(runs: Runs, run: str, name: str, utility: float) -> float:
    useful = [runs.end("full", *RETAIN_UTILITY), *runs.course(run, *RETAIN_UTILITY)]
    values = [runs.end("full", "phrasings", name), *runs.course(run, "phrasings", name)]
    falling = np.minimum.accumulate(np.array(useful))
    return float(np.interp(utility, falling[::-1], values[::-1]))


def brought_back(runs: Runs, run: str) -> float:
    """The share of what a run forgot that the full model's prompt cache brings back."""
    known, now = runs.end("full", "phrasings", "seen"), runs.end(run, "phrasings", "seen")
    restored = runs.end(run, "phrasings", "restored")
    return (restored - now) / max(known - now, 1e-12)


RUNS = ("lira", "lira_plain", "full")
CLAIMS = (
    Claim(
        "it forgets: probability of the answer after the question below full's by",
        ("lira", "full"),
        lambda r: r.end("full", "phrasings", "seen") - r.end("lira", "phrasings", "seen"),
    ),
    Claim(
        "it generalises: after unseen phrasings the answer is less likely than with plain refusals "
        "at equal retain utility, by",
        RUNS,
        lambda r: -at_equal_utility(r, "lira", "lira_plain", "unseen"),
    ),
    Claim(
        "and the gap between unseen and seen phrasings is smaller, by",
        RUNS,
        lambda r: -at_equal_utility(r, "lira", "lira_plain", "gap"),
    ),
    Claim(
        "the mechanism is reading: full's prompt cache brings back more than half of what was "
        "forgotten, share",
        ("lira", "full"),
        lambda r: brought_back(r, "lira"),
        Criterion(">", 0.5),
    ),
    Claim(
        "and more than with plain refusals, by",
        RUNS,
        lambda r: brought_back(r, "lira") - brought_back(r, "lira_plain"),
    ),
    Claim(
        "without SAG on refusals it generalises less (the control): the answer after unseen "
        "phrasings likelier with SAG-dagger, at its retain utility, by",
        ("lira", "lira_dagger", "full"),
        lambda r: -at_equal_utility(r, "lira", "lira_dagger", "unseen"),
    ),
    Claim(
        "AdLIRA generalises further: the answer after unseen phrasings less likely than with LIRA "
        "at equal retain utility, by",
        ("adlira", "lira", "full"),
        lambda r: -at_equal_utility(r, "adlira", "lira", "unseen"),
    ),
    unit_tested(
        "a response reaches parameters only by the keys and values of prompt tokens, and the "
        "forward pass is unchanged",
        "tests/unlearn/latent/test_gradient_mask.py",
    ),
    Claim(
        "more than 99% of PEZ attacks are blocked [RECON]: share of held-out questions that stay "
        "unanswered after the attack's text",
        ("lira",),
        lambda r: r.in_state("lira", "pez", "elicited", "blocked"),
        Criterion(">", 0.99),
    ),
)
