"""ULS and UCE: unlearning a regression with a sample of the retained rows.

The simulation of “Efficient machine unlearning with minimax optimality” (arXiv 2604.05669):
retained rows have uncorrelated features, those of forgotten rows are correlated by 0.3^|i-j|, the
noise has variance 1. [RECON]: sizes, the distance between both groups' coefficients and the
logistic problem are our own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lethe.report.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE
from lethe.unlearn import estimators

TITLE = "ULS: a retain sample"
CAPTION = """
**Unlearning a regression with a sample of the retained rows** (the simulation of arXiv 2604.05669).
Distance of the coefficients from those of the retained rows' distribution, over the sample's size:
the mean over repetitions, with its standard error. Left: ULS on linear regression; right: UCE on
logistic regression. With all 2,000 retained rows both are the fit to these rows alone.
"""
FILE = "uls_sample"

COLUMNS = ["problem", "estimator", "sample", "repetition", "error"]
SAMPLES = (50, 100, 200, 500, 1000, 2000)
# Sample sizes at which logistic regression on the sample alone mostly exists.
LOGISTIC_SAMPLES = (200, 500, 1000, 2000)
STRENGTHS = tuple(np.logspace(-3, 2, 8))


@dataclass(frozen=True)
class Problem:
    """Features, rows of either group, and |theta_f - theta_r|; ``logistic``: labels of 0 and 1."""

    features: int = 20
    retain: int = 2000
    forget: int = 500
    apart: float = 3.0
    correlation: float = 0.3
    logistic: bool = False


@dataclass(frozen=True)
class Data:
    """Rows and targets of both groups, and the coefficients of the retained one."""

    retain: tuple[np.ndarray, np.ndarray]
    forget: tuple[np.ndarray, np.ndarray]
    truth: np.ndarray

    @property
    def share(self) -> float:
        """w_f, the share of the rows that is to be forgotten."""
        rows = len(self.forget[0])
        return rows / (rows + len(self.retain[0]))


def drawn(problem: Problem, repetition: int) -> Data:
    """One data set."""
    draw = np.random.default_rng([repetition, problem.logistic])
    p = problem.features
    truth, away = draw.normal(size=p), draw.normal(size=p)
    truth /= np.linalg.norm(truth)
    other = truth + problem.apart * away / np.linalg.norm(away)
    places = np.arange(p)
    root = np.linalg.cholesky(problem.correlation ** abs(places[:, None] - places[None]))

    def targets(x, theta):
        if problem.logistic:
            return (draw.random(len(x)) < estimators.sigmoid(x @ theta)).astype(float)
        return x @ theta + draw.normal(size=len(x))

    retain = draw.normal(size=(problem.retain, p))
    forget = draw.normal(size=(problem.forget, p)) @ root.T
    return Data((retain, targets(retain, truth)), (forget, targets(forget, other)), truth)


def estimates(
    problem: Problem, data: Data, samples: tuple[int, ...]
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Estimator, size of the sample (the first retained rows), coefficients."""
    fit = estimators.logistic if problem.logistic else estimators.least_squares
    unlearn = estimators.uce if problem.logistic else estimators.uls
    fitted = fit(*(np.concatenate(pair) for pair in zip(data.retain, data.forget, strict=True)))
    retrained = fit(*data.retain)
    for size in samples:
        x, y = (part[:size] for part in data.retain)
        yield "pretrain", size, fitted
        yield "retrain", size, retrained
        yield "sample", size, fit(x, y)
        yield (
            ("uce" if problem.logistic else "uls"),
            size,
            unlearn(fitted, x, *data.forget, data.share),
        )
        if not problem.logistic:
            yield "transfer", size, estimators.transfer(fitted, x, y, STRENGTHS)


def build(repetitions: int = 30) -> pd.DataFrame:
    """The error |theta - theta_r| of each estimator, sample and repetition of both problems."""
    rows = []
    for problem, samples in ((Problem(), SAMPLES), (Problem(logistic=True), LOGISTIC_SAMPLES)):
        name = "logistic" if problem.logistic else "linear"
        for repetition in range(repetitions):
            data = drawn(problem, repetition)
            for estimator, size, theta in estimates(problem, data, samples):
                error = float(np.linalg.norm(theta - data.truth))
                rows.append((name, estimator, size, repetition, error))
    return pd.DataFrame(rows, columns=COLUMNS)


def means(table: pd.DataFrame, problem: str) -> pd.DataFrame:
    """Mean error by sample (rows) and estimator (columns)."""
    own = table[table["problem"] == problem]
    return own.pivot_table(index="sample", columns="estimator", values="error")


LOOKS = {
    "pretrain": ("before unlearning", BLACK, "--"),
    "sample": ("fit to the sample", ORANGE, "-"),
    "transfer": ("sample, drawn to before", GREEN, "-"),
    "uls": ("ULS", BLUE, "-"),
    "uce": ("UCE", PURPLE, "-"),
    "retrain": ("all retained rows", GREY, "--"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Error over the sample's size: linear regression left, logistic right."""
    figure = Figure(figsize=(7.0, 3.2))
    panels = zip(figure.subplots(1, 2), ("linear", "logistic"), strict=True)
    for axes, problem in panels:
        own = table[table["problem"] == problem].groupby(["estimator", "sample"])["error"]
        for estimator, (label, colour, line) in LOOKS.items():
            if estimator not in own.mean().index:
                continue
            mean, error = own.mean()[estimator], own.sem()[estimator]
            axes.errorbar(mean.index, mean, error, color=colour, linestyle=line, label=label)
        axes.set(title=f"{problem.capitalize()} regression", xscale="log", ylim=(0, None))
        sizes = table[table["problem"] == problem]["sample"].unique()
        axes.set_xticks(sizes, [f"{size}" for size in sizes])
        axes.minorticks_off()
        axes.set_xlabel("Rows of the sample")
        axes.legend(loc="upper right")
    figure.axes[0].set_ylabel("Distance from the retained truth")
    return figure
