"""SEAT: what models say of people whom they never met, after learning about others."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers._recipes import PLAIN, matched
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion

PAPER = "SEAT, 2506.14387"
SUBJECT = "recipes"


def _unknown(runs: Runs, model: str) -> float:
    return matched(runs, model).end("full", "abstention", "holdout")


def _more(one: str, other: str):
    return lambda runs: _unknown(runs, one) - _unknown(runs, other)


CLAIMS = (
    Claim(
        "at equal recall, sparse tuning with the KL abstains more than sparse tuning alone: "
        "difference of the share of unknown people",
        ("full",),
        _more("seat", "sparse"),
        models=PLAIN,
    ),
    Claim(
        "at equal recall, sparse tuning abstains more than full tuning",
        ("full",),
        _more("sparse", "plain"),
        models=PLAIN,
    ),
    Claim(
        "at equal recall, both together abstain more than the KL alone",
        ("full",),
        _more("seat", "kl"),
        models=PLAIN,
    ),
    Claim(
        "at equal recall, both together abstain more than LoRA",
        ("full",),
        _more("seat", "lora"),
        models=PLAIN,
    ),
    Claim(
        "full tuning abstains hardly ever",
        ("full",),
        lambda r: _unknown(r, "plain"),
        Criterion("<", 0.05),
        models=PLAIN,
    ),
    Claim(
        "and SEAT does not refuse what it has learned: its abstention on known people",
        ("full",),
        lambda r: matched(r, "seat").end("full", "abstention", "retain"),
        Criterion("<", 0.05),
        models=PLAIN,
    ),
)
