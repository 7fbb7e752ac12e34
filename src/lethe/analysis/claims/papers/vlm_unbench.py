"""VLM-UnBench: instructions instead of unlearning."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import CLOSE
from lethe.analysis.claims.verdict import Criterion

PAPER = "VLM-UnBench, 2604.03114"

CLAIMS = (
    Claim(
        "soft and medium instructions hardly change anything: largest fall of forget probability",
        ("prompt", "prompt_medium", "full"),
        lambda r: r.forget("full") - min(r.forget("prompt"), r.forget("prompt_medium")),
        Criterion("<", CLOSE),
    ),
    Claim(
        "only the one that names the answer does: its fall of forget probability",
        ("prompt_oracle", "full"),
        lambda r: r.forget("full") - r.forget("prompt_oracle"),
        Criterion(">", CLOSE),
    ),
)
