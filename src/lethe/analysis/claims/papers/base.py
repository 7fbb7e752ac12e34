"""What claims of several papers share."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.verdict import Criterion

SIGNIFICANT = 0.05
# A difference in probability that is also seen between two equally good models.
CLOSE = 0.05
# The methods that the preset `audit` compares.
UNLEARNED = ("grad_ascent", "grad_diff", "idk", "npo", "npo_retain", "simnpo", "rmu")
# Of a difference that must not be below 0.
NOT_LESS = Criterion("≥", 0.0)


def unit_tested(text: str, test: str, more: str = "") -> Claim:
    """An exact property, which a test of this project holds on made inputs."""
    reason = f"an exact property, held by a unit test: {test}{more}"
    return Claim(text, criterion=None, reason=reason)


def not_built(text: str, criterion: Criterion, needs: str) -> Claim:
    """A claim with its bound that cannot be tested yet; ``needs``: what is missing."""
    return Claim(text, criterion=criterion, reason=f"not built yet: {needs}")
