"""Code shared by claims of several papers."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.common.errors import LetheError

SIGNIFICANT = 0.05
# A difference in probability that also occurs between two equally good models.
CLOSE = 0.05
# The methods that the preset `audit` compares.
UNLEARNED = ("grad_ascent", "grad_diff", "idk", "npo", "npo_retain", "simnpo", "rmu")
# The criterion of a difference that must not be below 0.
NOT_LESS = Criterion("≥", 0.0)


def unit_tested(text: str, test: str, more: str = "") -> Claim:
    """An exact property, which a test of this project checks on constructed inputs."""
    reason = f"an exact property, held by a unit test: {test}{more}"
    return Claim(text, criterion=None, reason=reason)


def not_built(text: str, criterion: Criterion, needs: str) -> Claim:
    """A claim, with its bound, that cannot be tested yet; ``needs``: what is missing."""
    return Claim(text, criterion=criterion, reason=f"not built yet: {needs}")


def eligible(runs: Runs) -> float:
    """1 if full knows letters well enough for choices by letter to mean something (ULBench)."""
    return runs.end("full", "choice_eligibility", "eligible")


def check_letters(runs: Runs) -> None:
    """LetheError if full does not pass that gate: choices that are guesses show nothing."""
    if not eligible(runs):
        raise LetheError(
            f"claims: seed {runs.seed}: full does not know letters (it fails ULBench's gate), so "
            "choices by letter show nothing"
        )
