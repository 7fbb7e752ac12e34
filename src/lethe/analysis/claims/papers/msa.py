"""Model state arithmetic: vectors from a checkpoint that never saw the forget set."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import unit_tested
from lethe.analysis.claims.runs import ratio
from lethe.analysis.claims.verdict import Criterion

PAPER = "MSA, 2506.20941"
OTHERS = ("npo", "rmu", "grad_diff")

CLAIMS = (
    Claim(
        "its Acc_recover is above NPO's, RMU's and gradient difference's (judge: ROUGE-L F1): lead "
        "over the best of them",
        ("msa", *OTHERS),
        lambda r: (
            r.end("msa", "recovery", "acc_recover")
            - max(r.end(name, "recovery", "acc_recover") for name in OTHERS)
        ),
    ),
    Claim(
        "a vector from the model under test itself is worse: MSA's lead in retain utility over the "
        "task vector where it forgot as much",
        ("msa", "task_vector"),
        lambda r: r.lead("msa", "task_vector"),
    ),
    Claim(
        "without retain vector it is still competitive: share of MSA's retain utility",
        ("msa", "msa_forget"),
        lambda r: ratio(r.utility("msa_forget"), r.utility("msa")),
        Criterion(">", 0.9),
    ),
    Claim(
        "an older prior checkpoint does worse: lead of the base in retain utility over the same "
        "half-way through its training, where that forgot as much",
        ("msa", "msa_older"),
        lambda r: r.lead("msa", "msa_older"),
    ),
    unit_tested(
        "with the full model's own update and the oracle's it gives back the oracle",
        "tests/unlearn/test_weight_arithmetic.py",
    ),
)
