"""FINCH in its own setting: new rows are learned, and old facts should stay."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers._recipes import PLAIN, matched
from lethe.analysis.claims.runs import Runs

PAPER = "FINCH, 2605.20005"
SUBJECT = "recipes"
OLD = ("real_authors", "world_facts")


def _old(runs: Runs, model: str) -> float:
    """Mean probability of the true facts, which the base knew and which were not shown again."""
    full = matched(runs, model)
    return sum(full.end("full", "probability", name) for name in OLD) / len(OLD)


CLAIMS = (
    Claim(
        "fine-tuning on new rows forgets less of the old than with the linear schedule, at equal "
        "loss: difference in the old facts' probability",
        ("full",),
        lambda r: _old(r, "finch") - _old(r, "plain"),
        models=PLAIN,
    ),
    Claim(
        "and less than with a constant rate of the same mean",
        ("full",),
        lambda r: _old(r, "finch") - _old(r, "constant"),
        models=PLAIN,
    ),
    Claim(
        "and less than with a cosine rate of the same mean",
        ("full",),
        lambda r: _old(r, "finch") - _old(r, "cosine"),
        models=PLAIN,
    ),
)
