"""PPU-Bench where some facts of an author are forgotten, and its boundary loss there."""

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import not_built
from lethe.analysis.claims.runs import Runs, ratio
from lethe.analysis.claims.verdict import Criterion

PAPER = "PPU-Bench (BAO), 2605.08800"
SUBJECT = "partial"
SELECTIVE, PERSONAL = SPLITS = ("selective", "personal")
METRIC = "same_author_retain"
KEPT = (METRIC, "kept_probability")


def _share(runs: Runs, run: str, whose: str) -> float:
    """What is left of the probability of facts that must stay, as a share of full's."""
    name = f"{whose}_probability"
    return ratio(runs.end(run, METRIC, name), runs.end("full", METRIC, name))


def _spread(runs: Runs, run: str) -> float:
    return _share(runs, run, "others") - _share(runs, run, "kept")


def _selective_less_personal(runs: Runs) -> float:
    """How much more of the same authors is kept where all forget the same facts."""
    selective, personal = (_share(runs.on(split), "grad_diff", "kept") for split in SPLITS)
    return selective - personal


CLAIMS = (
    Claim(
        "forgetting some facts of an author harms the author's other facts more than those of "
        "other authors: gradient ascent",
        ("grad_ascent",),
        lambda r: _spread(r, "grad_ascent"),
        splits=SPLITS,
    ),
    Claim(
        "it does so with NPO",
        ("npo",),
        lambda r: _spread(r, "npo"),
        splits=SPLITS,
    ),
    Claim(
        "the boundary loss between pairs of a subject keeps more of the same authors where it "
        "forgot as much (gradient difference)",
        ("grad_diff_bao", "grad_diff"),
        lambda r: r.lead("grad_diff_bao", "grad_diff", KEPT),
        splits=SPLITS,
    ),
    Claim(
        "facts of each author's own cost the same authors more than the same facts of all "
        "(gradient difference): share of full that is kept, selective less personal",
        ("grad_diff",),
        _selective_less_personal,
        splits=SPLITS,
    ),
    not_built(
        "forgetting subjects as a whole suppresses who they are rather than their facts",
        Criterion(),
        "questions that tell an identity from its facts, which the paper asks by pictures",
    ),
)
