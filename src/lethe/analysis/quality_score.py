"""The Unified Quality Score, and whether its component metrics agree (arXiv 2605.02206).

Five metrics and the distance to the oracle are known for each unlearned model. Metrics are compared
by Kendall's tau between their rankings of the methods, for each split and seed. A metric's weight
is how well it ranks models by closeness to the oracle: Spearman's rho, averaged over five draws of
four fifths of the models, at least 0.01. The published code has two readings of the distance of
activations, exp(-AD / 100) and 1 / (1 + AD); ``READINGS`` has both. Its published weights come from
all models at once (``in_folds=False``); its scores use the second reading.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

METRIC = "uqs_components"
# By component, the value of the metric ``uqs_components`` that measures it.
VALUES = {
    "FA": "forget_accuracy",
    "RA": "retain_accuracy",
    "MIA": "attack_success",
    "AD": "state_distance",
    "JS": "divergence",
}
DISTANCE = "weight_distance"
COMPONENTS = tuple(VALUES)
HIGHER_IS_BETTER = ("RA",)
READINGS = {
    "exponential": lambda distance: math.exp(-distance / 100),
    "reciprocal": lambda distance: 1 / (1 + distance),
}
FOLDS, LEAST_WEIGHT, SEED = 5, 0.01, 42
TRIALS = 100

# A model's components by name.
Components = Mapping[str, float]


@dataclass(frozen=True)
class Agreement:
    """A pair of metrics: the mean tau over groups that rank, their number, a t-test's p of 0."""

    tau: float
    groups: int
    p: float


@dataclass(frozen=True)
class Reliability:
    """Spearman's rho between a metric and the closeness to the oracle, its p, and the weight."""

    rho: float
    p: float
    weight: float


@dataclass(frozen=True)
class Stability:
    """Kendall's tau between rankings by random weights and by UQS's: mean and deviation."""

    mean: float
    deviation: float
    trials: int


def agreement(
    groups: Sequence[Sequence[Components]], in_order: bool = False
) -> dict[tuple[str, str], Agreement]:
    """Whether pairs of metrics rank the models of each group alike.

    tau-b, in which ties count for neither side; a group in which all are equal is left out.
    ``in_order``: as the published code, which ranks tied models in the order given.
    """
    pairs = {}
    for left, right in combinations(COMPONENTS, 2):
        taus = [_tau(_good(some, left), _good(some, right), in_order) for some in groups]
        ranked = [tau for tau in taus if not math.isnan(tau)]
        mean = float(np.mean(ranked)) if ranked else math.nan
        pairs[left, right] = Agreement(mean, len(ranked), _p_of_zero(ranked))
    return pairs


def reliabilities(
    models: Sequence[Components],
    distances: Sequence[float],
    in_folds: bool = True,
    seed: int = SEED,
) -> dict[str, Reliability]:
    """How well each metric ranks ``models`` by closeness to the oracle, and its weight in UQS.

    ``in_folds``: weights from the mean over folds, else from all models at once.
    """
    close, weights, whole = -np.asarray(distances, dtype=float), {}, {}
    for name in COMPONENTS:
        good = np.array(_good(models, name))
        whole[name] = _spearman(good, close)
        parts = training_rows(len(models), seed) if in_folds else [np.arange(len(models))]
        rhos = [_spearman(good[rows], close[rows])[0] for rows in parts]
        # A constant metric ranks nothing.
        weights[name] = max(float(np.mean(np.nan_to_num(rhos))), LEAST_WEIGHT)
    total = math.fsum(weights.values())
    return {name: Reliability(*whole[name], weights[name] / total) for name in COMPONENTS}


def training_rows(count: int, seed: int = SEED) -> list[np.ndarray]:
    """The rows of each fold's training part: all but a block of the shuffled ones.

    As scikit-learn's ``KFold(min(5, n // 4), shuffle=True, random_state=seed)``; two folds below
    eight rows.
    """
    folds = min(FOLDS, count // 4) if count >= 8 else 2
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)
    held_out = np.array_split(order, folds)
    return [np.setdiff1d(np.arange(count), rows) for rows in held_out]


def score(model: Components, weights: Mapping[str, float], reading: str) -> float:
    """UQS in [0, 1]: the weighted sum of 1 - FA, RA, 1 - MIA, AD as ``reading`` says, 1 - JS."""
    parts = {
        "FA": 1 - model["FA"],
        "RA": model["RA"],
        "MIA": 1 - model["MIA"],
        "AD": READINGS[reading](model["AD"]),
        "JS": 1 - min(model["JS"], 1.0),
    }
    return math.fsum(weights[name] * value for name, value in parts.items())


def rank_by_closeness(scores: Sequence[float], distances: Sequence[float]) -> float:
    """Spearman's rho between scores, of which the highest is best, and closeness to the oracle."""
    return _spearman(np.asarray(scores, dtype=float), -np.asarray(distances, dtype=float))[0]


def stability(
    models: Sequence[Components],
    weights: Mapping[str, float],
    reading: str,
    trials: int = TRIALS,
    seed: int = SEED,
) -> Stability:
    """How far random weights, Dirichlet(1) draws, rank ``models`` as ``weights`` do."""
    wanted = [score(model, weights, reading) for model in models]
    draw, taus = np.random.RandomState(seed), []
    for _ in range(trials):
        drawn = draw.dirichlet(np.ones(len(COMPONENTS)))
        other = dict(zip(COMPONENTS, drawn, strict=True))
        taus.append(_tau(wanted, [score(model, other, reading) for model in models], False))
    return Stability(float(np.mean(taus)), float(np.std(taus)), trials)


def _good(models: Sequence[Components], name: str) -> list[float]:
    """A metric's values, inverted if need be so that higher is better."""
    sign = 1 if name in HIGHER_IS_BETTER else -1
    return [sign * model[name] for model in models]


def _tau(left: Sequence[float], right: Sequence[float], in_order: bool) -> float:
    from scipy.stats import kendalltau

    if in_order:
        left, right = (np.argsort(np.argsort(-np.array(x), kind="stable")) for x in (left, right))
    return float(kendalltau(left, right).statistic)


def _p_of_zero(taus: Sequence[float]) -> float:
    """The p of a t-test that the mean is 0; NaN if the values have no spread."""
    from scipy.stats import ttest_1samp

    if len(taus) < 2 or len(set(taus)) < 2:
        return math.nan
    return float(ttest_1samp(taus, 0).pvalue)


def _spearman(left: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """rho and p; NaN where a side is constant."""
    from scipy.stats import spearmanr

    if len(set(left.tolist())) < 2 or len(set(right.tolist())) < 2:
        return math.nan, math.nan
    result = spearmanr(left, right)
    return float(result.statistic), float(result.pvalue)
