"""How often intervals over items cover the true model utility, on made items whose truth is known.

Model utility is the harmonic mean of nine means, three on each of three sets; retain utility of
three on one set. Every trial draws new
items for the three sets; within a set an item that is hard by one metric is hard by the others.
Compared are, from the same resamples,

    percentile   what Lethe shows for plain means (Efron and Tibshirani 1993, chapter 13)
    expanded     percentile at the level of a t quantile with n - 1 degrees of freedom, times
                 sqrt(n / (n - 1)) (Hesterberg 2015, arXiv 1411.5279, section 3.4)
    bca          bias-corrected and accelerated (Efron 1987); acceleration from jackknife values
    studentised  what Lethe shows: bootstrap-t, with standard errors by the delta method

    .venv/bin/python benchmarks/interval_coverage.py [--trials 2000] [--resamples 2000]
"""

import argparse
from collections.abc import Callable

import numpy as np
from scipy.stats import norm, t

from lethe.analysis.statistics import LEVEL, percentile_interval, resampled_means
from lethe.analysis.utility_interval import SetMoments, utility_interval

SETS = ("retain", "real_authors", "world_facts")
# Means of probability, ROUGE and truth ratio on each set.
WORLDS = {
    "as the small world": ((0.9, 0.95, 0.12), (0.45, 0.6, 0.4), (0.5, 0.65, 0.45)),
    "as TOFU's Llama-2": ((0.98, 0.97, 0.48), (0.44, 0.9, 0.57), (0.43, 0.88, 0.55)),
    "all alike": ((0.5, 0.5, 0.5),) * 3,
    "almost lost": ((0.1, 0.3, 0.1), (0.3, 0.2, 0.3), (0.3, 0.3, 0.4)),
    "the retain set alone": ((0.9, 0.95, 0.12),),
}
SIZES = (40, 100, 300)
# Items' values spread as a beta distribution of this concentration.
CONCENTRATION = 1.5
# Share of the variance of an item's difficulty that its three values have in common.
COMMON = 0.5
# Trials drawn at a time.
BLOCK = 200


def items(random: np.random.Generator, means: tuple, n: int, trials: int) -> np.ndarray:
    """Values in [0, 1] of the given means: [n, trials, 3], related over the last axis."""
    from scipy.stats import beta

    shared = random.standard_normal((n, trials, 1))
    own = random.standard_normal((n, trials, len(means)))
    shares = norm.cdf(np.sqrt(COMMON) * shared + np.sqrt(1 - COMMON) * own)
    mean = np.array(means)
    return beta.ppf(shares, CONCENTRATION * mean, CONCENTRATION * (1 - mean))


def utility(means: np.ndarray) -> np.ndarray:
    """The harmonic mean over the last axis."""
    return means.shape[-1] / (1 / np.maximum(means, 1e-12)).sum(axis=-1)


class Trials:
    """Items of so many trials, their estimates, and the same on every resample."""

    def __init__(self, random: np.random.Generator, world: tuple, n: int, trials: int, draws: int):
        sets = [items(random, means, n, trials) for means in world]
        self.n, self.values = n, np.stack(sets, axis=2)  # [n, trials, sets, 3]
        squares = self.values[..., :, None] * self.values[..., None, :]
        self.means, self.squares = self.values.mean(axis=0), squares.mean(axis=0)
        self.estimate = utility(self.means.reshape(trials, -1))
        resampled = [
            np.stack(
                [
                    resampled_means(whole[:, :, k].reshape(n, -1), name, draws)
                    for k, name in enumerate(SETS[: len(world)])
                ],
                axis=1,
            )
            for whole in (self.values, squares)
        ]
        shape = (draws, len(world), trials)
        self.drawn = np.moveaxis(resampled[0].reshape(*shape, 3), 1, 2)
        self.drawn_squares = np.moveaxis(resampled[1].reshape(*shape, 3, 3), 1, 2)
        self.draws = utility(self.drawn.reshape(draws, trials, -1))


def expanded(made: Trials) -> tuple[np.ndarray, np.ndarray]:
    n = made.n
    level = 2 * norm.cdf(np.sqrt(n / (n - 1)) * t.ppf((1 + LEVEL) / 2, n - 1)) - 1
    return percentile_interval(made.draws, level)


def bca(made: Trials) -> tuple[np.ndarray, np.ndarray]:
    draws, n = made.draws, made.n
    share = (draws < made.estimate).mean(axis=0) + (draws == made.estimate).mean(axis=0) / 2
    bias = norm.ppf(np.clip(share, 1 / len(draws), 1 - 1 / len(draws)))
    pulls = []
    for k in range(made.means.shape[1]):
        without = np.broadcast_to(made.means, made.values.shape).copy()
        without[:, :, k] = (n * made.means[:, k] - made.values[:, :, k]) / (n - 1)
        left_out = utility(without.reshape(n, len(made.estimate), -1))
        pulls.append((n - 1) * (left_out.mean(axis=0) - left_out))
    pulls = np.stack(pulls)  # [sets, n, trials]
    skew = (pulls**3).sum(axis=(0, 1)) / n**3
    acceleration = skew / (6 * ((pulls**2).sum(axis=(0, 1)) / n**2) ** 1.5)
    ends = []
    for quantile in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        z = bias + norm.ppf(quantile)
        level = norm.cdf(bias + z / (1 - acceleration * z))
        pairs = zip(draws.T, level, strict=True)
        ends.append(np.array([np.quantile(column, at) for column, at in pairs]))
    return ends[0], ends[1]


def studentised(made: Trials) -> tuple[np.ndarray, np.ndarray]:
    def moments(trial: int, means: np.ndarray, products: np.ndarray) -> list[SetMoments]:
        return [
            SetMoments(made.n, means[..., trial, k, :], products[..., trial, k, :, :])
            for k in range(means.shape[-2])
        ]

    ends = [
        utility_interval(
            moments(trial, made.means, made.squares),
            moments(trial, made.drawn, made.drawn_squares),
        )
        for trial in range(len(made.estimate))
    ]
    low, high = np.array(ends).T
    return low, high


INTERVALS: dict[str, Callable[[Trials], tuple[np.ndarray, np.ndarray]]] = {
    "percentile": lambda made: percentile_interval(made.draws),
    "expanded": expanded,
    "bca": bca,
    "studentised": studentised,
}


def coverage(world: tuple, n: int, trials: int, draws: int, seed: int) -> dict[str, tuple]:
    """For each interval: coverage, share of truths below and above it, mean width."""
    random = np.random.default_rng([seed, n])
    truth = float(utility(np.array(world).ravel()))
    found = {name: [] for name in INTERVALS}
    for _ in range(0, trials, BLOCK):
        made = Trials(random, world, n, min(BLOCK, trials), draws)
        for name, interval in INTERVALS.items():
            low, high = interval(made)
            found[name].append(np.stack([truth < low, truth > high, high - low]))
    rows = {name: np.concatenate(parts, axis=1).mean(axis=1) for name, parts in found.items()}
    return {name: (1 - below - above, below, above, w) for name, (below, above, w) in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000, help="a multiple of 200")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| items | n | interval | covers | truth below | truth above | width |")
    print("|---|---|---|---|---|---|---|")
    for title, world in WORLDS.items():
        for n in SIZES:
            rows = coverage(world, n, options.trials, options.resamples, options.seed)
            for name, (covers, below, above, width) in rows.items():
                print(
                    f"| {title} | {n} | {name} | {covers:.3f} | {below:.3f} | {above:.3f} "
                    f"| {width:.4f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
