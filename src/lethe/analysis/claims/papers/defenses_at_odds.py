"""Defences that undo each other when one follows another."""

from lethe.analysis.claims.claim import Claim

PAPER = "Defenses at Odds, 2605.14514"

CLAIMS = (
    Claim(
        "a second defence brings back what the first removed; freezing the layers in conflict less",
        criterion=None,
        reason="needs two forget sets in sequence: a run that starts from another's end",
    ),
)
