"""Metric unreliability and the Unified Quality Score."""

from lethe.analysis import quality_score
from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.papers.base import UNLEARNED
from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import Criterion
from lethe.analysis.quality_score import DISTANCE, METRIC, VALUES
from lethe.common.errors import LetheError

PAPER = "Metric unreliability, 2605.02206"
SUBJECT = "audit"

KNOWN = "knowledge_recoverability"
READING = "reciprocal"
APART, STABLE = 0.5, 0.6


def _models(runs: Runs) -> list[dict[str, float]]:
    return [
        {name: runs.end(run, METRIC, value) for name, value in VALUES.items()} for run in UNLEARNED
    ]


def _distances(runs: Runs) -> list[float]:
    return [runs.end(run, METRIC, DISTANCE) for run in UNLEARNED]


def _share_apart(runs: Runs) -> float:
    """The share of pairs of metrics with a tau below 0.5, or without one."""
    pairs = quality_score.agreement([_models(runs)])
    return sum(not pair.tau >= APART for pair in pairs.values()) / len(pairs)


def _stability(runs: Runs) -> float:
    models = _models(runs)
    return quality_score.stability(models, _weights([runs]), READING).mean


def _weights(some: list[Runs]) -> dict[str, float]:
    models = [model for runs in some for model in _models(runs)]
    distances = [distance for runs in some for distance in _distances(runs)]
    fitted = quality_score.reliabilities(models, distances)
    return {name: one.weight for name, one in fitted.items()}


def _lead_of_score(runs: Runs) -> float:
    """Spearman's rho with closeness: UQS by other seeds' weights, less the best single metric's."""
    models, distances = _models(runs), _distances(runs)
    if not runs.others:
        raise LetheError("claims: weights of other seeds need several seeds; configure more")
    weights = _weights(runs.others)
    scores = [quality_score.score(model, weights, READING) for model in models]
    single = quality_score.reliabilities(models, distances)
    return quality_score.rank_by_closeness(scores, distances) - max(
        one.rho for one in single.values()
    )


CLAIMS = (
    Claim(
        "most pairs of metrics rank the methods apart (Kendall's tau below 0.5): share of pairs",
        UNLEARNED,
        _share_apart,
        Criterion(">", 0.5),
    ),
    Claim(
        "UQS ranks them as it does by random weights: mean tau of 100 draws",
        UNLEARNED,
        _stability,
        Criterion(">", STABLE),
    ),
    Claim(
        "with the weights of the other seeds it ranks them by distance to the oracle better than "
        "the best single metric: lead in Spearman's rho",
        UNLEARNED,
        _lead_of_score,
    ),
    Claim(
        "what answers least is not closest: gradient ascent's distance to the oracle less full's",
        ("grad_ascent", "full"),
        lambda r: r.end("grad_ascent", METRIC, DISTANCE) - r.end("full", METRIC, DISTANCE),
    ),
    *(
        Claim(
            f"what {run} no longer answers comes back in other words: recoverability beyond the "
            "oracle's",
            (run,),
            lambda r, run=run: r.end(run, KNOWN, "recovered") - r.end(run, KNOWN, "oracle"),
        )
        for run in ("npo", "npo_retain", "grad_diff")
    ),
)
