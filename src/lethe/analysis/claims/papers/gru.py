"""GRU: the forget gradient without the part that harms retention."""

from lethe.analysis.claims.claim import Claim

PAPER = "GRU, 2503.09117"

CLAIMS = (
    Claim(
        "the projected gradient keeps more where it forgot as much (gradient ascent)",
        ("grad_ascent_gru", "grad_ascent"),
        lambda r: r.lead("grad_ascent_gru", "grad_ascent"),
    ),
)
