"""Does a run show what TOFU shows? Claims about models and methods, checked on their scores.

Each claim compares a measured number with a bound. They are meant for a world whose authors the
full model has learned well; a run of a few steps, such as the smoke preset's, need not satisfy
them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from lethe.common.errors import LetheError

# Utilities of models that learned nothing are 0; ratios to them then count as 0.
TINY = 1e-12


@dataclass(frozen=True)
class Claim:
    """One claim on one model, split and seed: does ``value`` stand in ``relation`` to ``bound``?"""

    model: str
    split: str
    seed: int
    claim: str
    value: float
    relation: str
    bound: float

    @property
    def holds(self) -> bool:
        return bool(self.value > self.bound if self.relation == ">" else self.value < self.bound)

    def row(self) -> dict:
        """The claim with its verdict, as plain values."""
        return {**asdict(self), "holds": self.holds}


class Scores:
    """The scores of one model and split."""

    def __init__(self, table: pd.DataFrame, model: str, split: str):
        self.model, self.split = model, split
        self.table = table[(table["model"] == model) & (table["split"] == split)]

    def course(self, run: str, seed: int, metric: str, name: str) -> pd.Series:
        """A value by epoch."""
        t = self.table
        rows = t[(t["run"] == run) & (t["seed"] == seed)]
        rows = rows[(rows["metric"] == metric) & (rows["name"] == name)]
        if rows.empty:
            raise LetheError(f"claims: no {metric}.{name} of {run}, seed {seed}; score that run")
        return rows.set_index("epoch")["value"].sort_index()

    def last(self, run: str, seed: int, metric: str, name: str) -> float:
        return float(self.course(run, seed, metric, name).iloc[-1])

    def path(self, run: str, seed: int) -> pd.DataFrame:
        """Forget probability and retain utility of a run by epoch; epoch 0 is the full model."""
        columns = {
            "forget": ("probability", "forget"),
            "utility": ("model_utility", "retain_utility"),
        }
        own = pd.DataFrame({k: self.course(run, seed, *v) for k, v in columns.items()})
        start = pd.DataFrame({k: self.course("full", seed, *v) for k, v in columns.items()})
        return pd.concat([start.iloc[:1], own]).reset_index(drop=True)


def utility_at(path: pd.DataFrame, forget: float) -> float:
    """Retain utility of a run where its forget probability is ``forget``.

    Interpolated along the run's course, with the forget probability replaced by its running minimum
    so that each level is passed once. Beyond the end of the course, the utility at its end.
    """
    falling = np.minimum.accumulate(path["forget"].to_numpy())
    return float(np.interp(forget, falling[::-1], path["utility"].to_numpy()[::-1]))


def check(
    table: pd.DataFrame,
    models: Sequence[str],
    splits: Sequence[str],
    seeds: Sequence[int],
    oracle_seeds: Sequence[int],
    methods: Sequence[str],
    oracles: Mapping[str, str] | None = None,
) -> list[Claim]:
    """All claims that the runs of a configuration can test.

    ``oracles``: the run of each split's oracle; by default TOFU's, ``retain``.
    """
    return [
        claim
        for model in models
        for split in splits
        for seed in seeds
        for oracle in [(oracles or {}).get(split, "retain")]
        for claim in _claims(
            Scores(table, model, split), oracle, seed, seeds, oracle_seeds, methods
        )
    ]


def _claims(
    scores: Scores, oracle: str, seed: int, seeds, oracle_seeds, methods
) -> Iterator[Claim]:
    def claim(text: str, value: float, relation: str, bound: float) -> Claim:
        return Claim(scores.model, scores.split, seed, text, float(value), relation, bound)

    forget = {run: scores.last(run, seed, "probability", "forget") for run in ("full", oracle)}
    utility = {
        run: scores.last(run, seed, "model_utility", "model_utility") for run in ("full", oracle)
    }
    yield claim("full knows the forget set: probability", forget["full"], ">", 0.8)
    yield claim("the oracle does not: lower by", forget["full"] - forget[oracle], ">", 0.2)
    p_full = scores.last("full", seed, "forget_quality", "forget_quality")
    yield claim("full differs from the oracle: KS p", p_full, "<", 1e-4)
    if seed == seeds[0]:
        for other in oracle_seeds:
            p = scores.last(oracle, other, "forget_quality", "forget_quality")
            yield claim(f"an oracle with seed {other} does not: KS p", p, ">", 0.05)
    gap = abs(utility["full"] - utility[oracle]) / max(*utility.values(), TINY)
    yield claim("full and oracle are as useful: relative gap of model utility", gap, "<", 0.1)
    if "grad_ascent" in methods:
        yield from _against_ascent(scores, seed, methods, claim)


def _against_ascent(scores: Scores, seed: int, methods, claim) -> Iterator[Claim]:
    ascent = scores.path("grad_ascent", seed)
    share = ascent["utility"].iloc[-1] / max(ascent["utility"].iloc[0], TINY)
    yield claim("gradient ascent loses retain utility: share kept", share, "<", 0.5)
    for method in ("grad_diff", "npo_retain"):
        if method not in methods:
            continue
        other = scores.path(method, seed)
        for epoch in range(1, len(ascent)):
            level = ascent["forget"].iloc[epoch]
            ahead = utility_at(other, level) - ascent["utility"].iloc[epoch]
            yield claim(
                f"{method} keeps more than gradient ascent at its epoch {epoch}: by",
                ahead, ">", 0.0,
            )  # fmt: skip
