"""Reasoning traces with canary heads: a gap between trace and answer, and what it shows."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import NOT_LESS
from lethe.analysis.claims.runs import Runs

PAPER = "Head-conditioned canaries, 2605.18891"
# A preset of its own: its worlds have traces.
SUBJECT = "traces"


def _of_npo(runs: Runs, name: str) -> float:
    return runs.end("npo", "bypass_gap", name)


def _least_gap(runs: Runs) -> float:
    """B by the reading of texts without a closing tag that makes it smaller."""
    return min(_of_npo(runs, name) for name in ("gap", "gap_unparsed_as_answer"))


CLAIMS = (
    Claim(
        "after NPO on the answers alone, traces tell more than answers: bypass gap B",
        ("npo",),
        lambda r: _of_npo(r, "gap"),
    ),
    Claim(
        "they tell more than those of a model that never saw the facts: by",
        ("npo",),
        lambda r: _of_npo(r, "trace_beyond_oracle"),
    ),
    Claim(
        "the gap does not identify the weights: another prefill shifts the answers by at least as "
        "much: largest shift less B",
        ("npo",),
        lambda r: _of_npo(r, "largest_shift") - _least_gap(r),
        NOT_LESS,
    ),
)
