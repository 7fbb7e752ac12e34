"""Claims about methods, checked on the runs of a configuration.

A claim compares a number measured on the runs with a bound, or says why they cannot test it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from lethe.analysis.claims.tofu import Scores, utility_at
from lethe.common.errors import LetheError

COLUMNS = [
    "model",
    "split",
    "seed",
    "paper",
    "claim",
    "value",
    "relation",
    "bound",
    "verdict",
    "reason",
]
HOLDS, FAILS, UNTESTED = "holds", "FAILS", "not tested"


class Runs(Scores):
    """The scores of one model, split and seed, and those of its runs after attacks."""

    def __init__(self, scores: pd.DataFrame, states: pd.DataFrame, model: str, split: str, seed):
        super().__init__(scores, model, split)
        own = states[(states["model"] == model) & (states["split"] == split)]
        self.states, self.seed = own[own["seed"] == seed], seed

    def end(self, run: str, metric: str, name: str) -> float:
        """A value at a run's last epoch."""
        return self.last(run, self.seed, metric, name)

    def forget(self, run: str) -> float:
        return self.end(run, "probability", "forget")

    def utility(self, run: str) -> float:
        return self.end(run, "model_utility", "retain_utility")

    def best_quality(self, run: str) -> float:
        """The highest forget quality (p) at any epoch."""
        return float(self.course(run, self.seed, "forget_quality", "forget_quality").max())

    def lead(self, run: str, other: str) -> float:
        """How much more retain utility ``run`` keeps than ``other`` where both forgot equally.

        The smallest lead over the epochs of ``other``, each at its own forget probability.
        """
        mine, theirs = self.path(run, self.seed), self.path(other, self.seed)
        leads = [utility_at(mine, p) - u for p, u in theirs.iloc[1:].itertuples(index=False)]
        return min(leads)

    def in_state(self, run: str, state: str) -> float:
        """The forget probability of a run's last checkpoint in a state, that is after an attack."""
        s = self.states
        s = s[(s["run"] == run) & (s["state"] == state) & (s["metric"] == "probability")]
        s = s[s["name"] == "forget"]
        if s.empty:
            raise LetheError(f"no state {state} of {run}")
        return float(s["value"].iloc[0])

    def recovered(self, run: str, state: str) -> float:
        """By how much an attack raises a run's forget probability."""
        return self.in_state(run, state) - self.forget(run)


@dataclass(frozen=True)
class Claim:
    """A claim: ``measure``, which needs ``runs``, stands in ``relation`` to ``bound``.

    Without ``measure`` it is not tested here, and ``reason`` says why, or where it is tested.
    """

    paper: str
    text: str
    runs: tuple[str, ...] = ()
    measure: Callable[[Runs], float] | None = None
    relation: str = ">"
    bound: float = 0.0
    reason: str = ""

    def verdict(self, runs: Runs) -> dict:
        """Value, verdict and reason for the runs of one model, split and seed."""
        if self.measure is None:
            return {"verdict": UNTESTED, "reason": self.reason}
        present = set(runs.table["run"])
        missing = [run for run in self.runs if run not in present]
        if missing:
            return {"verdict": UNTESTED, "reason": f"no run {missing[0]} in this configuration"}
        try:
            value = float(self.measure(runs))
        except LetheError as error:
            return {"verdict": UNTESTED, "reason": str(error).removeprefix("claims: ")}
        holds = value >= self.bound if self.relation == "≥" else value < self.bound
        holds = value > self.bound if self.relation == ">" else holds
        return {"value": value, "verdict": HOLDS if holds else FAILS}


def check(
    scores: pd.DataFrame,
    states: pd.DataFrame,
    seeds: Sequence[int],
    claims: Sequence[Claim],
) -> pd.DataFrame:
    """A row for each model, split, seed and claim; ``value`` is NaN where it is not tested."""
    rows = []
    for (model, split), _ in scores.groupby(["model", "split"], sort=False):
        for seed in seeds:
            runs = Runs(scores, states, model, split, seed)
            for claim in claims:
                place = {"model": model, "split": split, "seed": seed}
                what = {"paper": claim.paper, "claim": claim.text, "value": math.nan}
                bound = {"relation": claim.relation, "bound": claim.bound}
                rows.append(place | what | bound | {"reason": ""} | claim.verdict(runs))
    return pd.DataFrame(rows, columns=COLUMNS)
