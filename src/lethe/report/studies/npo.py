"""How far unlearning moves a model from where it began: NPO's synthetic study.

Zhang et al., "Negative Preference Optimization", arXiv 2404.05868: gradient ascent diverges
linearly in the number of steps, NPO logarithmically, and NPO becomes gradient ascent as beta goes
to 0 (Proposition 1, Theorem 2). The sizes, rates and betas are the authors'. [RECON]: without
access to the paper, the labelling of inputs and the training before unlearning are our own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.report.style import BLACK, BLUE, PURPLE

TITLE = "NPO: divergence"
CAPTION = """
**Divergence of gradient ascent and NPO** on logistic regression over random features (NPO's
synthetic study, arXiv 2404.05868). Left: the distance from the model before unlearning grows
linearly with the steps under gradient ascent, logarithmically under NPO; dotted: least squares from
step 200 on. Right, at the same rate: NPO becomes gradient ascent as β goes to 0.
"""
FILE = "npo_divergence"

COLUMNS = ["panel", "objective", "beta", "lr", "step", "distance"]
BETAS = (1.0, 0.5, 0.2, 0.1, 0.01)
# Fits leave out the first steps, during which both objectives still move in the same way.
SETTLED = 200


@dataclass(frozen=True)
class Problem:
    """Two-class logistic regression on fixed random ReLU features.

    Inputs are normal; the means of the two sets lie ``gap`` to either side of 0 in every
    coordinate. A random linear teacher labels them, with noise.
    """

    inputs: int = 16
    features: int = 128
    retain: int = 1000
    forget: int = 200
    gap: float = 1.0
    noise: float = 0.1
    training: int = 2000
    training_lr: float = 2e-3
    seed: int = 0


def prepared(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Signed features y phi(x) of the forget set, [forget, features], and the trained head."""
    draw = np.random.default_rng(problem.seed)
    sign = np.repeat([-1.0, 1.0], [problem.retain, problem.forget])
    x = draw.normal(size=(len(sign), problem.inputs)) + problem.gap * sign[:, None]
    teacher = draw.normal(size=problem.inputs) / np.sqrt(problem.inputs)
    y = np.where(x @ teacher + problem.noise * draw.normal(size=len(x)) > 0, 1.0, -1.0)
    hidden = draw.normal(size=(problem.inputs, problem.features))
    signed = y[:, None] * np.maximum(x @ hidden, 0)
    head = np.zeros(problem.features)
    for _ in range(problem.training):
        wrong = -np.expm1(log_p(signed @ head))
        head += problem.training_lr * (wrong @ signed) / len(signed)
    return signed[problem.retain :], head


def log_p(margin: np.ndarray) -> np.ndarray:
    """log p(y|x) = -log(1 + exp(-y f(x))) of each row, from its margin y f(x)."""
    return -np.logaddexp(0, -margin)


def npo_weights(gain: np.ndarray, beta: float) -> np.ndarray:
    """W = 2 p^beta / (p^beta + p_ref^beta), with gain = log p - log p_ref; 1 as beta goes to 0."""
    return 2 * np.exp(-np.logaddexp(0, -beta * gain))


def distances(
    signed: np.ndarray, start: np.ndarray, beta: float, lr: float, steps: int, every: int
) -> np.ndarray:
    """Distance from ``start`` after each ``every`` steps of full-batch descent on NPO's loss.

    ``beta`` 0 is gradient ascent on the negative log-likelihood.
    """
    head, before, distances = start.copy(), log_p(signed @ start), []
    for step in range(1, steps + 1):
        now = log_p(signed @ head)
        # The gradient of log p is (1 - p) y phi(x).
        head -= lr * ((npo_weights(now - before, beta) * -np.expm1(now)) @ signed) / len(signed)
        if step % every == 0:
            distances.append(float(np.linalg.norm(head - start)))
    return np.array(distances)


def build(problem: Problem | None = None) -> pd.DataFrame:
    """Distances along all courses; ``panel`` is divergence (2,000 steps) or beta (10,000)."""
    signed, start = prepared(problem or Problem())
    courses = [("divergence", 0.0, 5e-4, 2000, 25), ("divergence", 1.0, 5e-3, 2000, 25)]
    courses += [("beta", beta, 5e-4, 10_000, 100) for beta in (0.0, *BETAS)]
    parts = []
    for panel, beta, lr, steps, every in courses:
        part = pd.DataFrame({"step": np.arange(every, steps + 1, every)})
        part["distance"] = distances(signed, start, beta, lr, steps, every)
        part["objective"] = "npo" if beta else "grad_ascent"
        parts.append(part.assign(panel=panel, beta=beta, lr=lr))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def course(table: pd.DataFrame, panel: str, beta: float) -> pd.DataFrame:
    """One course of ``build``; beta 0 is gradient ascent."""
    return table[(table["panel"] == panel) & (table["beta"] == beta)]


def fit(part: pd.DataFrame, law: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, float]:
    """Least squares of distance = a + b law(step) once settled: the fitted values and R²."""
    part = part[part["step"] >= SETTLED]
    x, y = law(part["step"].to_numpy(float)), part["distance"].to_numpy()
    slope, level = np.polyfit(x, y, 1)
    fitted = level + slope * x
    return fitted, float(1 - ((y - fitted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def linear(steps: np.ndarray) -> np.ndarray:
    return steps


def draw(table: pd.DataFrame) -> Figure:
    """Left: gradient ascent with a linear, NPO with a logarithmic fit. Right: beta going to 0."""
    figure = Figure(figsize=(7.0, 3.2))
    left, right = figure.subplots(1, 2)
    _fitted(left, course(table, "divergence", 0.0), linear, "Grad. Ascent", "a + b t", BLUE)
    _fitted(left, course(table, "divergence", 1.0), np.log, "NPO", "a + b log t", PURPLE)
    left.set_title("Divergence")
    for number, beta in enumerate(BETAS):
        part = course(table, "beta", beta)
        shade = 1 - 0.75 * number / (len(BETAS) - 1)
        right.plot(
            part["step"], part["distance"], color=PURPLE, alpha=shade, label=f"NPO, β = {beta:g}"
        )
    ascent = course(table, "beta", 0.0)
    right.plot(ascent["step"], ascent["distance"], color=BLUE, linestyle="--", label="Grad. Ascent")
    right.set(title="β towards 0", xscale="log", yscale="log")
    for axes in (left, right):
        axes.set_xlabel("Steps")
        axes.set_ylabel("Distance from the model before")
        axes.legend(loc="upper left")
    return figure


def _fitted(axes: Axes, part: pd.DataFrame, law, label: str, formula: str, colour: str) -> None:
    fitted, share = fit(part, law)
    axes.plot(part["step"], part["distance"], color=colour, label=label)
    settled = part["step"][part["step"] >= SETTLED]
    axes.plot(settled, fitted, color=BLACK, linestyle=":", label=f"{formula}, R² = {share:.4f}")
