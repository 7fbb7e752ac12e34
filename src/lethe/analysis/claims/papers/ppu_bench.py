"""PPU-Bench's boundary loss (BAO) where whole authors are forgotten."""

from lethe.analysis.claims.claim import Claim

PAPER = "PPU-Bench (BAO), 2605.08800"

CLAIMS = (
    Claim(
        "the boundary loss keeps more where it forgot as much (gradient difference)",
        ("grad_diff_bao", "grad_diff"),
        lambda r: r.lead("grad_diff_bao", "grad_diff"),
    ),
)
