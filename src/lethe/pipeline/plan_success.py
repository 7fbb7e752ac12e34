"""How often plans succeed when they are carried out: of each planner, from one table of scores.

A plan succeeds if one of its runs does (``lethe.pipeline.plan_learning``). A run fails as well if
the request lacks what it needs, or it cannot start. What chance would give is computed, not drawn.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import comb
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd

from lethe.analysis.scores import read_scores
from lethe.analysis.statistics import percentile_interval, resampled_means
from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.common.registry import suggest as closest
from lethe.pipeline import plan_learning, plan_runs
from lethe.pipeline.card import Card
from lethe.pipeline.plan_learning import Outcome
from lethe.pipeline.plan_runs import Run
from lethe.pipeline.planner import suggest
from lethe.pipeline.task_library import METHODS

LIBRARY = "with the task library"
LEARNED = "with it, learned from past runs"
WITHOUT = "without it"
CHANCE = "at random"
ABLE = "at random, of those whose needs are met"
# What is counted of each request's plans.
COUNTED = (
    "plans that succeed",
    "runs that succeed",
    "runs that forget",
    "runs that keep utility",
    "runs that cannot start",
)
COLUMNS = ["planner", "counted", "share", "low", "high", "lowest_seed", "highest_seed"]
COLUMNS += ["difference", "difference_low", "difference_high"]
# Shares in the order of COUNTED.
_Shares = tuple[float, float, float, float, float]
# By a run's name and seed.
_Outcomes = Mapping[tuple[str, int], Outcome]
FAILURE = Outcome(forgets=False, keeps_utility=False)


@dataclass(frozen=True)
class Executed:
    """Runs that were carried out. ``outcomes``: those of the runs that could start."""

    file: str
    seeds: tuple[int, ...]
    outcomes: _Outcomes

    def rate(self, run: Run, seeds: Iterable[int]) -> float:
        """How often a run succeeded; 0 if it cannot start."""
        return fmean(self.outcomes.get((run.name, seed), FAILURE).succeeds for seed in seeds)

    def shares(self, card: Card, runs: Sequence[Run], seed: int) -> _Shares:
        """Of a plan with these runs."""
        ends = [self.outcomes[run.name, seed] for run in self._starting(card, runs, seed)]
        done = sum(end.succeeds for end in ends)
        forgets, keeps = sum(end.forgets for end in ends), sum(end.keeps_utility for end in ends)
        counts = (done, forgets, keeps, len(runs) - len(ends))
        return float(done > 0), *(count / len(runs) for count in counts)

    def shares_by_chance(self, card: Card, runs: Sequence[Run], seed: int) -> _Shares:
        """The mean of all plans of as many runs as the budget allows."""
        drawn = min(METHODS[card.budget], len(runs))
        starting = self._starting(card, runs, seed)
        failures = len(runs) - sum(self.outcomes[run.name, seed].succeeds for run in starting)
        none = comb(failures, drawn) / comb(len(runs), drawn)
        return 1 - none, *self.shares(card, runs, seed)[1:]

    def _starting(self, card: Card, runs: Sequence[Run], seed: int) -> list[Run]:
        return [run for run in runs if run.serves(card) and (run.name, seed) in self.outcomes]


def measured(
    file: str, cards: Sequence[Card], failed: Sequence[str] = (), past: Sequence[str] = ()
) -> pd.DataFrame:
    """A row for each planner and each of ``COUNTED``: the share, and intervals over requests.

    ``failed``: runs that ended without a score. ``past``: other tables to learn from; without them,
    what is measured with one seed is learned from the others.
    """
    executed = read(file, cards, failed)
    learned = _of_tables(past, file) if past else _of_other_seeds(executed)
    by_card = [_by_planner(executed, card, learned) for card in cards]
    return _table({planner: np.array([one[planner] for one in by_card]) for planner in by_card[0]})


# By a request's runs and the seed that is measured: how often each task's run succeeded.
_Learned = Callable[[Mapping[str, Run], int], dict[str, float]]


def _of_other_seeds(executed: Executed) -> _Learned:
    def rates(runs: Mapping[str, Run], seed: int) -> dict[str, float]:
        others = [one for one in executed.seeds if one != seed]
        return {method: executed.rate(run, others) for method, run in runs.items()}

    return rates


def _of_tables(past: Sequence[str], file: str) -> _Learned:
    measured_full = _utility_of_full(file)
    for one in past:
        if _utility_of_full(one) & measured_full:
            raise LetheError(
                f"--learn: {one} has runs of {file} itself; learn from other seeds or worlds"
            )
    rates = plan_learning.success(past)
    return lambda runs, seed: {
        method: rates[run.name] for method, run in runs.items() if run.name in rates
    }


def _utility_of_full(file: str) -> set[float]:
    """What tells worlds and seeds apart: no two full models have a utility in common."""
    scores = read_scores(file, plan_learning.TABLE)
    rows = scores[(scores["run"] == plan_learning.FULL) & (scores["name"] == "model_utility")]
    return set(rows["value"])


def _by_planner(executed: Executed, card: Card, learned: _Learned) -> dict[str, list[_Shares]]:
    """For each seed, the shares of a request's plans."""
    of_library, chance = plan_runs.of_library(card), plan_runs.by_chance(card)
    library = plan_runs.of_plan(suggest(card).config)
    without = plan_runs.of_plan(suggest(card, library=False).config)
    able = [run for run in chance if run.serves(card)]

    def taught(seed: int) -> list[Run]:
        return plan_runs.of_plan(suggest(card, learned(of_library, seed)).config)

    seeds = executed.seeds
    return {
        LIBRARY: [executed.shares(card, library, seed) for seed in seeds],
        LEARNED: [executed.shares(card, taught(seed), seed) for seed in seeds],
        WITHOUT: [executed.shares(card, without, seed) for seed in seeds],
        CHANCE: [executed.shares_by_chance(card, chance, seed) for seed in seeds],
        ABLE: [executed.shares_by_chance(card, able, seed) for seed in seeds],
    }


def _table(shares: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """From shares by planner, [requests, seeds, counted]."""
    by_request = {planner: values.mean(axis=1) for planner, values in shares.items()}
    columns = np.column_stack(list(by_request.values()))
    drawn = resampled_means(columns, "requests").reshape(-1, len(shares), len(COUNTED))
    rows = []
    for at, (planner, values) in enumerate(shares.items()):
        by_seed = values.mean(axis=0)
        low, high = percentile_interval(drawn[:, at])
        less = by_request[planner].mean(axis=0) - by_request[LIBRARY].mean(axis=0)
        less_low, less_high = percentile_interval(drawn[:, at] - drawn[:, 0])
        for c, counted in enumerate(COUNTED):
            share = by_request[planner][:, c].mean()
            own = (share, low[c], high[c], by_seed[:, c].min(), by_seed[:, c].max())
            rows.append((planner, counted, *own, less[c], less_low[c], less_high[c]))
    return pd.DataFrame(rows, columns=COLUMNS)


def read(file: str, cards: Sequence[Card], failed: Sequence[str] = ()) -> Executed:
    """The runs of these requests' plans; LetheError, one line, unless all are in the table."""
    _check_world(Path(file).absolute(), cards[0])
    runs = _without(plan_runs.carried_out(cards), failed)
    scores = read_scores(file, plan_learning.TABLE)
    model, split = plan_runs.place(cards[0])
    here = scores[(scores["model"] == model) & (scores["split"] == split)]
    ends = plan_learning.outcomes(here, file).items()
    outcomes = {(run, seed): outcome for (_, _, run, seed), outcome in ends}
    seeds = tuple(sorted(set(here["seed"])))
    if len(seeds) < 2:
        raise LetheError(
            f"{file}: one seed of {model} on {split}; give two or more, so that what one teaches "
            "is measured on another"
        )
    _check_runs(file, runs, here, seeds, outcomes)
    names = {run.name for run in runs}
    return Executed(
        file, seeds, {at: outcome for at, outcome in outcomes.items() if at[0] in names}
    )


def _check_runs(
    file: str,
    runs: Sequence[Run],
    scores: pd.DataFrame,
    seeds: Iterable[int],
    outcomes: _Outcomes,
) -> None:
    """LetheError unless each run ended with each seed, at the epoch of the plans."""
    last = scores.groupby(["run", "seed"])["epoch"].max()
    for run, seed in product(runs, seeds):
        if (run.name, seed) not in outcomes:
            raise LetheError(
                f"{file}: no forget quality and model utility of {run.name} with seed {seed}; "
                f"finish it, or count it as a failure: --failed {run.name}"
            )
        if last[run.name, seed] != run.epochs:
            raise LetheError(
                f"{file}: {run.name} ends at epoch {last[run.name, seed]}, in the plans at "
                f"{run.epochs}; run the configuration of --write as it is"
            )


def _without(runs: Sequence[Run], failed: Sequence[str]) -> list[Run]:
    names = [run.name for run in runs]
    for name in failed:
        if name not in names:
            raise LetheError(f"--failed: {name!r} is no run of the plans{closest(name, names)}")
    return [run for run in runs if run.name not in failed]


def _check_world(file: Path, card: Card) -> None:
    """LetheError unless the table is of a rehearsal's world with as many authors."""
    facts = file.parent.parent / "data" / "card.json"
    if not facts.is_file():
        raise LetheError(
            f"{file}: no {facts}, which says of what world it is; name "
            "results/WORLD/tables/scores.csv"
        )
    said = read_json(facts)
    world = (said.get("provider"), said.get("authors")) if isinstance(said, dict) else None
    if world != ("synthetic", card.authors):
        raise LetheError(
            f"{file}: its world is not one of {card.authors} synthetic authors; run the "
            "configuration of --write, or give its --forget and --authors"
        )
