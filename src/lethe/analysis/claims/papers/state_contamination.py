"""State contamination: what an agent's memory leaks below a detector's threshold."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "State contamination, 2605.16746"
SUBJECT = "audit"


def _of_npo(runs: Runs, name: str) -> float:
    return runs.end("npo", "state_contamination", name)


CLAIMS = (
    Claim(
        "memories that the detector does not flag leak what NPO unlearned: SPG(0.5)",
        ("npo",),
        lambda r: _of_npo(r, "spg_none"),
    ),
    Claim(
        "not if the session is redacted before it is summarised: SPG(0.5)",
        ("npo",),
        lambda r: _of_npo(r, "spg_before"),
        Criterion("=", 0.0, CLOSE),
    ),
    Claim(
        "redacting the summary leaves a part: SPG(0.5) of the summary above that of a session "
        "redacted before",
        ("npo",),
        lambda r: _of_npo(r, "spg_summary_after") - _of_npo(r, "spg_summary_before"),
    ),
)
