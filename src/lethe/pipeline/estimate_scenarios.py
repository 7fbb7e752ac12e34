"""What sequences of requests and pairs of defences add to a plan (``lethe.pipeline.estimate``).

Defences other than those of half of the forget set are counted with all rows of the retain set;
those that teach something about its people have fewer.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lethe import metrics
from lethe.pipeline import defences, requests, splits
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import method
from lethe.unlearn.defence import HalfSettings, halved
from lethe.unlearn.method import Method


@dataclass(frozen=True)
class Seconds:
    """What single jobs take, in seconds, as the planner of a model counts it.

    Each is a function of the number of rows: ``unlearning``: of a method, including loading and
    saving; ``training``: of an oracle; ``evaluation``: of a checkpoint asked about rows of
    requests; ``measuring``: of both risks of a pair. ``start``: of any job.
    """

    unlearning: Callable[[Method, int], float]
    training: Callable[[int], float]
    evaluation: Callable[[int], float]
    measuring: Callable[[int], float]
    start: float


@dataclass
class Added:
    """Jobs and seconds by kind, and how many checkpoints stay under every policy, and under some.

    ``chains``: last checkpoints of sequences, which always stay; ``defended``: those of defences,
    which stay unless the policy keeps none.
    """

    jobs: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    chains: int = 0
    defended: int = 0

    def add(self, kind: str, jobs: int, seconds: float = 0.0) -> None:
        """Add ``count`` jobs of a kind, which take ``seconds`` together."""
        self.jobs[kind] += jobs
        self.seconds[kind] += seconds


def added(config: Config, takes: Seconds) -> Added:
    """What the configuration's requests and pairs of defences add, all seeds."""
    more = Added()
    _requests(config, takes, more)
    _defences(config, takes, more)
    return more


def _requests(config: Config, takes: Seconds, more: Added) -> None:
    made, seeds = list(requests.of_config(config).values()), len(config.seeds)
    if not made:
        return
    authors = config.world.authors
    methods = [method(config, name) for name in config.requests.methods]
    measured = _with_needs(requests.METRICS)
    suites = {metrics.contract(name).suite for name in measured if metrics.contract(name).records}
    with_oracle = [made[at - 1] for at in requests.oracles_at(config)]
    for one in made:
        rows = one.rows(authors)
        for chosen in methods:
            more.add("unlearn", seeds, seeds * takes.unlearning(chosen, rows["forget"]))
        oracles = one.oracles if one in with_oracle else ()
        for oracle in oracles:
            more.add(f"train_{oracle.role}", seeds, seeds * takes.training(rows[oracle.part]))
        runs = len(methods) + len(oracles) + (one is made[-1])
        each = takes.evaluation(rows["asked_perturbed"])
        more.add("collect", seeds * runs * len(suites), seeds * runs * each)
        more.seconds["collect"] += seeds * runs * len(suites) * takes.start
        more.add("score", seeds * runs * (len(measured) + bool(oracles)))
    more.chains = len(methods) * seeds


def _with_needs(names: Iterable[str]) -> set[str]:
    """Metrics, and those that they are computed from."""
    more = set(names)
    for name in names:
        more |= _with_needs(metrics.contract(name).needs)
    return more


def _defences(config: Config, takes: Seconds, more: Added) -> None:
    if not config.defences.pairs:
        return
    seeds = len(config.seeds)
    rows = splits.of_name(config, config.defences.split).rows(config.world.authors)
    runs = defences.runs(config).values()
    for run in runs:
        own = defences.defence(config, run.last)
        half = isinstance(own.settings, HalfSettings)
        count = halved(rows["forget"], own.place) if half else rows["retain"]
        seconds = takes.unlearning(defences.trained(config, run), count)
        more.add("defend", seeds, seeds * seconds)
    pairs = len(defences.pairs(config)) * seeds
    more.add("defence_pair", pairs, pairs * takes.measuring(2 * config.defences.items))
    more.defended = len(runs) * seeds
