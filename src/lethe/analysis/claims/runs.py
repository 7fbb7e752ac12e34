"""The numbers of one model, split and seed that claims use."""

import numpy as np
import pandas as pd

from lethe.common.errors import LetheError

# Utilities of models that learned nothing are 0; ratios to them then count as 0.
TINY = 1e-12
BASE = "base"
# In place of a split, for what belongs to a whole sequence of requests.
SEQUENCE = "requests"
RETAIN_UTILITY = ("model_utility", "retain_utility")


class Runs:
    """The scores of one model, split and seed, and those of its runs after attacks.

    ``oracle`` is the run of the split's oracle; ``others`` are the runs of the other seeds.
    """

    def __init__(
        self,
        scores: pd.DataFrame,
        states: pd.DataFrame | None,
        place: tuple[str, str],
        seed: int,
        oracle: str = "retain",
    ):
        self.seed, self.oracle = seed, oracle
        self._everything, self._place = (scores, states), place
        self.others: list[Runs] = []
        self.table = _of(scores, place, seed)
        self.states = None if states is None else _of(states, place, seed)

    def on(self, split: str) -> "Runs":
        """The runs of the same model and seed on another split. LetheError if there are none."""
        other = Runs(*self._everything, (self._place[0], split), self.seed, self.oracle)
        if other.table.empty:
            raise LetheError(f"claims: no split {split} with seed {self.seed}; list it")
        return other

    @property
    def model(self) -> str:
        """The model's name in the configuration."""
        return self._place[0]

    def of_model(self, model: str) -> "Runs":
        """The runs of another model on the same split, same seed. LetheError if there are none."""
        other = Runs(*self._everything, (model, self._place[1]), self.seed, self.oracle)
        if other.table.empty:
            raise LetheError(f"claims: no model {model} with seed {self.seed}; list it")
        return other

    def course(self, run: str, metric: str, name: str) -> pd.Series:
        """A value by epoch. LetheError if the run has none."""
        rows = self.table[self.table["run"] == run]
        rows = rows[(rows["metric"] == metric) & (rows["name"] == name)]
        if rows.empty:
            raise LetheError(
                f"claims: no {metric}.{name} of {run}, seed {self.seed}; score that run"
            )
        return rows.set_index("epoch")["value"].sort_index()

    def end(self, run: str, metric: str, name: str) -> float:
        """A value at a run's last epoch."""
        return float(self.course(run, metric, name).iloc[-1])

    def forget(self, run: str) -> float:
        """Forget probability at the last epoch."""
        return self.end(run, "probability", "forget")

    def utility(self, run: str) -> float:
        """Retain utility at the last epoch."""
        return self.end(run, "model_utility", "retain_utility")

    def model_utility(self, run: str) -> float:
        """Model utility, over all sets, at the last epoch."""
        return self.end(run, "model_utility", "model_utility")

    def quality(self, run: str) -> float:
        """Forget quality (p) at the last epoch."""
        return self.end(run, "forget_quality", "forget_quality")

    def best_quality(self, run: str) -> float:
        """The highest forget quality (p) at any epoch."""
        return float(self.course(run, "forget_quality", "forget_quality").max())

    def path(self, run: str, staying: tuple[str, str] = RETAIN_UTILITY) -> pd.DataFrame:
        """Forget probability and retain utility of a run by epoch; epoch 0 is the full model.

        ``staying``: metric and name of the value that is used as utility.
        """
        columns = {"forget": ("probability", "forget"), "utility": staying}
        own = pd.DataFrame({k: self.course(run, *v) for k, v in columns.items()})
        start = pd.DataFrame({k: self.course("full", *v) for k, v in columns.items()})
        return pd.concat([start.iloc[:1], own]).reset_index(drop=True)

    def leads(self, run: str, other: str, staying: tuple[str, str] = RETAIN_UTILITY) -> list[float]:
        """How much more retain utility ``run`` keeps than ``other`` where both forgot equally.

        One lead for each epoch of ``other``, at its forget probability.
        """
        own, theirs = self.path(run, staying), self.path(other, staying)
        return [utility_at(own, p) - u for p, u in theirs.iloc[1:].itertuples(index=False)]

    def lead(self, run: str, other: str, staying: tuple[str, str] = RETAIN_UTILITY) -> float:
        """The smallest of the leads."""
        return min(self.leads(run, other, staying))

    def in_state(
        self, run: str, state: str, metric: str = "probability", name: str = "forget"
    ) -> float:
        """A value of a run's last checkpoint in a state, that is after an attack."""
        rows = self.states
        rows = rows[(rows["run"] == run) & (rows["state"] == state)]
        rows = rows[(rows["metric"] == metric) & (rows["name"] == name)]
        if rows.empty:
            what = "" if (metric, name) == ("probability", "forget") else f", {metric}.{name}"
            raise LetheError(f"no state {state} of {run}{what}")
        return float(rows["value"].iloc[0])

    def recall(self, run: str, kind: str) -> float:
        """The share of gold rows that a supervision of that kind, made by a run, recovers."""
        rows = self.states
        rows = rows[(rows["run"] == run) & (rows["state"] == kind)]
        rows = rows[(rows["metric"] == "supervision") & (rows["name"] == "recall")]
        if rows.empty:
            raise LetheError(f"no supervision {kind} of {run}")
        return float(rows["value"].iloc[0])

    def searched(self, strategy: str, name: str = "validation") -> list[float]:
        """A number of each search by a strategy, repeat by repeat. LetheError if there is none."""
        rows = self.states
        rows = rows[(rows["run"] == strategy) & (rows["metric"] == "search")]
        rows = rows[rows["name"] == name]
        if rows.empty:
            raise LetheError(f"no study of the strategy {strategy}; list it in search.strategies")
        return [float(value) for value in rows["value"]]

    def recovered(self, run: str, state: str) -> float:
        """By how much an attack raises a run's forget probability."""
        return self.in_state(run, state) - self.forget(run)

    def in_sequence(self, run: str, name: str) -> float:
        """A measure of a run after the last of a sequence of requests, whatever the split."""
        rows = self._everything[1]
        place = {"model": self.model, "split": SEQUENCE, "run": run, "seed": self.seed}
        for key, value in {**place, "metric": "sequence", "name": name}.items():
            rows = rows[rows[key] == value]
        if rows.empty:
            raise LetheError(f"claims: no {name} of {run} on a sequence of requests; set requests")
        return float(rows["value"].iloc[0])

    def barrier(self, run: str, other: str) -> float:
        """The loss barrier of the retain set between the last checkpoints of two runs (nats)."""
        rows = self.states
        rows = rows[(rows["run"] == run) & (rows["state"] == f"to_{other}")]
        rows = rows[(rows["metric"] == "barrier") & (rows["name"] == "retain")]
        if rows.empty:
            raise LetheError(f"no line from {run} to {other}")
        return float(rows["value"].iloc[0])


def _of(table: pd.DataFrame, place: tuple[str, str], seed: int) -> pd.DataFrame:
    model, split = place
    rows = table[(table["model"] == model) & (table["split"] == split)]
    # All seeds start from one base, which is evaluated with the first seed only.
    return rows[(rows["seed"] == seed) | (rows["run"] == BASE)]


def ratio(value: float, whole: float) -> float:
    """``value`` as a share of ``whole``, both at least 0; 0 where both are 0."""
    return value / max(whole, TINY)


def utility_at(path: pd.DataFrame, forget: float) -> float:
    """Retain utility of a run where its forget probability is ``forget``.

    Interpolated along the run's course, with the forget probability replaced by its running minimum
    so that each level is passed once. Beyond the end of the course, the utility at its end.
    """
    falling = np.minimum.accumulate(path["forget"].to_numpy())
    return float(np.interp(forget, falling[::-1], path["utility"].to_numpy()[::-1]))
