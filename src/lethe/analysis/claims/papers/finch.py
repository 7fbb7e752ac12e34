"""FINCH as the rate of an unlearning method; its own setting is in finch_recipe.py."""

from lethe.analysis.claims.claim import Claim

PAPER = "FINCH, 2605.20005"

CLAIMS = (
    Claim(
        "where it forgot as much it keeps more than with the linear schedule (NPO)",
        ("npo_finch", "npo"),
        lambda r: r.lead("npo_finch", "npo"),
    ),
)
