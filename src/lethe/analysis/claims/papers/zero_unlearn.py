"""ZeroUnlearn: a closed-form edit of a few layers, for few examples."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import Runs, ratio

PAPER = "ZeroUnlearn, 2605.18879"


def _retain_share(runs: Runs, run: str) -> float:
    """The share of the full model's retain probability that a run keeps."""
    return ratio(runs.end(run, "probability", "retain"), runs.end("full", "probability", "retain"))


CLAIMS = (
    Claim(
        "the answer becomes unlikely (Eff): forget probability below full's by",
        ("zero_unlearn", "full"),
        lambda r: r.forget("full") - r.forget("zero_unlearn"),
    ),
    Claim(
        "its paraphrase as well (Gen): below full's by",
        ("zero_unlearn", "full"),
        lambda r: (
            r.end("full", "paraphrased_probability", "forget")
            - r.end("zero_unlearn", "paraphrased_probability", "forget")
        ),
    ),
    Claim(
        "at near-constant perplexity, where gradient ascent's explodes: its share of retain "
        "probability kept, less gradient ascent's",
        ("zero_unlearn", "grad_ascent", "full"),
        lambda r: _retain_share(r, "zero_unlearn") - _retain_share(r, "grad_ascent"),
    ),
    unit_tested(
        "edited values are orthogonal to the sensitive ones; without forget weight nothing changes",
        "tests/unlearn/test_zero_unlearn.py",
    ),
)
