"""SEAT: what models say about people whom they never met, after learning about others."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers._recipes import PLAIN, matched
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.common.errors import LetheError

PAPER = "SEAT, 2506.14387"
SUBJECT = "recipes"


# A base that abstains less than this on unknown people has nothing that could be kept.
ABSTAINS = 0.2


def _unknown(runs: Runs, model: str) -> float:
    """How often full abstains on unknown people. LetheError if the base itself does not."""
    base = runs.end("base", "abstention", "holdout")
    if base < ABSTAINS:
        raise LetheError(
            f"claims: seed {runs.seed}: the base abstains on {base:.0%} of unknown people, so "
            "there is nothing to keep"
        )
    return matched(runs, model).end("full", "abstention", "holdout")


def _more(one: str, other: str):
    return lambda runs: _unknown(runs, one) - _unknown(runs, other)


CLAIMS = (
    Claim(
        "at equal recall, sparse tuning with the KL abstains more than sparse tuning alone: "
        "difference of the share of unknown people",
        ("base", "full"),
        _more("seat", "sparse"),
        models=PLAIN,
    ),
    Claim(
        "at equal recall, sparse tuning abstains more than full tuning",
        ("base", "full"),
        _more("sparse", "plain"),
        models=PLAIN,
    ),
    Claim(
        "at equal recall, both together abstain more than the KL alone",
        ("base", "full"),
        _more("seat", "kl"),
        models=PLAIN,
    ),
    Claim(
        "at equal recall, both together abstain more than LoRA",
        ("base", "full"),
        _more("seat", "lora"),
        models=PLAIN,
    ),
    Claim(
        "full tuning hardly ever abstains",
        ("base", "full"),
        lambda r: _unknown(r, "plain"),
        Criterion("<", 0.05),
        models=PLAIN,
    ),
    Claim(
        "and SEAT does not refuse what it has learned: its abstention on known people",
        ("base", "full"),
        lambda r: matched(r, "seat").end("full", "abstention", "retain"),
        Criterion("<", 0.05),
        models=PLAIN,
    ),
)
