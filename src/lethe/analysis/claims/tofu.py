"""Does a run show what TOFU shows? Claims about the models of a laboratory and its first methods.

They are meant for a world whose authors the full model has learned well; a run of a few steps, such
as the smoke preset's, need not satisfy them. Those with fixed bounds say whether there is anything
to unlearn, and a way to measure it: ``make demo`` fails if they do.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.runs import TINY, Runs, ratio
from lethe.analysis.claims.verdict import FIXED, Criterion

ASCENT = "grad_ascent"
COMPARED = ("grad_diff", "npo_retain")


def _gap(runs: Runs) -> float:
    """How far apart full and oracle are in model utility, as a share of the higher; in [-1, 1]."""
    full, oracle = runs.model_utility("full"), runs.model_utility(runs.oracle)
    return (full - oracle) / max(full, oracle, TINY)


MODELS = (
    Claim(
        "full knows the forget set: probability",
        measure=lambda r: r.forget("full"),
        criterion=Criterion(">", 0.8, kind=FIXED),
        metrics=("probability",),
    ),
    Claim(
        "the oracle does not: lower by",
        measure=lambda r: r.forget("full") - r.forget(r.oracle),
        criterion=Criterion(">", 0.2, kind=FIXED),
        metrics=("probability",),
    ),
    Claim(
        "full differs from the oracle: KS p",
        measure=lambda r: r.quality("full"),
        criterion=Criterion("<", 1e-4, kind=FIXED),
        metrics=("forget_quality",),
    ),
    # Their forget quality is measured against the first seed's oracle.
    Claim(
        "an oracle with another seed does not: KS p",
        measure=lambda r: r.quality(r.oracle),
        criterion=Criterion(">", 0.05, kind=FIXED),
        of_oracles=True,
        metrics=("forget_quality",),
    ),
    Claim(
        "full and oracle are as useful: relative gap of model utility",
        measure=_gap,
        criterion=Criterion("=", 0.0, margin=0.1),
        metrics=("model_utility",),
    ),
)

COLLAPSE = Claim(
    "gradient ascent loses retain utility: share kept",
    measure=lambda r: ratio(r.utility(ASCENT), r.utility("full")),
    criterion=Criterion("<", 0.5),
    metrics=("model_utility",),
)


def _lead(method: str, epoch: int, position: int) -> Claim:
    return Claim(
        f"{method} keeps more than gradient ascent at its epoch {epoch}: by",
        measure=partial(_lead_at, method, position),
        metrics=("probability", "model_utility"),
    )


def _lead_at(method: str, position: int, runs: Runs) -> float:
    return runs.leads(method, ASCENT)[position]


def claims(methods: Sequence[str], epochs: Sequence[int]) -> list[Claim]:
    """The claims that runs of these methods can test; ``epochs``: those of gradient ascent."""
    if ASCENT not in methods:
        return list(MODELS)
    compared = [method for method in COMPARED if method in methods]
    leads = [
        _lead(method, epoch, position)
        for method in compared
        for position, epoch in enumerate(epochs)
    ]
    return [*MODELS, COLLAPSE, *leads]


def check(
    table: pd.DataFrame,
    models: Sequence[str],
    splits: Sequence[str],
    seeds: Sequence[int],
    oracle_seeds: Sequence[int],
    methods: Sequence[str],
    oracles: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """A row for each model, split and claim, all seeds together.

    ``oracles``: the run of each split's oracle; by default TOFU's, ``retain``. Claims about metrics
    that are not in ``table``, since the run does not ask for them, are left out.
    """
    rows, scored = [], set(table["metric"])
    for model in models:
        for split in splits:
            of = partial(
                Runs, table, None, (model, split), oracle=(oracles or {}).get(split, "retain")
            )
            own, further = [of(seed) for seed in seeds], [of(seed) for seed in oracle_seeds]
            compared = ASCENT in methods and "probability" in scored
            epochs = _epochs(own[0]) if compared else []
            rows += [
                {"model": model, "split": split} | claim.row(measured)
                for claim in claims(methods, epochs)
                for measured in [further if claim.of_oracles else own]
                if measured and scored.issuperset(claim.metrics)
            ]
    return rows


def _epochs(runs: Runs) -> list[int]:
    return runs.course(ASCENT, "probability", "forget").index.tolist()
