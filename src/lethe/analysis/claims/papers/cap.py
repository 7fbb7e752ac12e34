"""CAP: a prefix that a policy learned, instead of changed weights."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE, NOT_LESS, unit_tested
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "CAP, 2604.21251"
SUBJECT = "cap"


def _balance(runs: Runs, run: str) -> float:
    """Retain probability less that of the forget set's paraphrases: high where both are served."""
    return runs.end(run, "probability", "retain") - _rephrased(runs, run)


def _rephrased(runs: Runs, run: str) -> float:
    return runs.end(run, "paraphrased_probability", "forget")


CLAIMS = (
    Claim(
        "it forgets questions in words that its search has not seen: probability of paraphrased "
        "forget answers below full's by",
        ("cap", "full"),
        lambda r: _rephrased(r, "full") - _rephrased(r, "cap"),
    ),
    Claim(
        "at full's retain probability: loss of it",
        ("cap", "full"),
        lambda r: r.end("full", "probability", "retain") - r.end("cap", "probability", "retain"),
        Criterion("<", CLOSE),
    ),
    Claim(
        "it beats the best fixed prefix of an equal search: lead over one for all questions in "
        "retain less paraphrased forget probability",
        ("cap", "cap_fixed"),
        lambda r: _balance(r, "cap") - _balance(r, "cap_fixed"),
    ),
    Claim(
        "and the best of as many random prefixes behind the same gate: lead in the same",
        ("cap", "cap_random"),
        lambda r: _balance(r, "cap") - _balance(r, "cap_random"),
    ),
    Claim(
        "it beats instructions that name the authors, and in-context unlearning: lead over the "
        "better of both in the same",
        ("cap", "prompt", "icul"),
        lambda r: _balance(r, "cap") - max(_balance(r, "prompt"), _balance(r, "icul")),
    ),
    Claim(
        "PPO with anchors does no worse than REINFORCE: lead in the same",
        ("cap", "cap_reinforce"),
        lambda r: _balance(r, "cap") - _balance(r, "cap_reinforce"),
        NOT_LESS,
    ),
    Claim(
        "information of forget rows alone harms the retain set: retain probability lost against "
        "both branches",
        ("cap", "cap_forget"),
        lambda r: (
            r.end("cap", "probability", "retain") - r.end("cap_forget", "probability", "retain")
        ),
    ),
    Claim(
        "information of retain rows alone weakens forgetting: rise of forget probability against "
        "both branches",
        ("cap", "cap_retain"),
        lambda r: r.forget("cap_retain") - r.forget("cap"),
    ),
    unit_tested(
        "weights are as before, and without the prefix logits are bit-identical",
        "tests/model/test_interventions.py, tests/unlearn/test_cap.py",
    ),
)
