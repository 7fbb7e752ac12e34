"""Unlearning or untraining: the distance to one oracle against that to the other (2604.07962)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.metrics.generalisation import UNLEARNED, UNTRAINED
from lethe.report import interactive as page
from lethe.report.annotations import about, growing_marks, legend
from lethe.report.figures._plane import (
    DIAGONAL,
    LARGEST,
    SMALLEST,
    draw_courses,
    interactive_courses,
)
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL, run_label
from lethe.report.style import Look, line_handle, looks

READS = ("scores",)
SCORES_OF = ("generalisation",)
PAGE = {"title": "Unlearning or untraining", "place": 8}
DISTANCES = {
    "probability": "Mean |p − p of the oracle|",
    "js": "JS divergence (nats)",
    "ks": "KS of truth ratios",
}
ACROSS, UP = "Distance to the oracle of untraining", "Distance to that of unlearning"


def draw(data: FigureData) -> Figure:
    """A panel for each distance; a line for each method, from the full model to the last epoch.

    Above the diagonal a model is nearer to the untraining oracle, below it to the unlearning one.
    """
    look, both = looks(data.methods, data.oracle), oracles(data)
    figure = Figure(figsize=(7.0, 3.6))
    for axes, (name, title) in zip(figure.subplots(1, 3), DISTANCES.items(), strict=True):
        draw_courses(axes, data, lambda run, name=name: path(data, run, name), both)
        axes.set_title(title, fontsize=8)
        _square(axes)
    figure.supxlabel(ACROSS, fontsize=9)
    figure.supylabel(UP, fontsize=9)
    shown = [look[FULL], *both.values(), *(look[method] for method in data.methods)]
    handles = [line_handle(one) for one in shown]
    sizes = growing_marks(SMALLEST, LARGEST)
    legend(figure, handles, sizes, "upper center", title=about(data), ncols=4)
    return figure


def oracles(data: FigureData) -> dict[str, Look]:
    """The looks of the split's oracles, in one colour."""
    look = looks(data.methods, data.oracle)[data.oracle]
    other = {UNTRAINED: replace(look, label=run_label(UNTRAINED), marker="x")}
    return {data.oracle: look} | (other if UNTRAINED in set(data.scores["run"]) else {})


def path(data: FigureData, run: str, name: str) -> np.ndarray:
    """Distances to the oracles of untraining and unlearning, by epoch from full on: [n, 2]."""
    start = _points(data, FULL, name)
    return start if run == FULL else np.vstack([start, _points(data, run, name)])


def _points(data: FigureData, run: str, name: str) -> np.ndarray:
    keys = (f"{UNTRAINED}_{name}", f"{UNLEARNED}_{name}")
    return np.column_stack([data.mean(run, "generalisation", key).values for key in keys])


def _square(axes: Axes) -> None:
    """Equal axes from 0, and the diagonal."""
    most = 1.08 * max(axes.dataLim.x1, axes.dataLim.y1, 1e-6)
    axes.plot([0, most], [0, most], **DIAGONAL)
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    axes.set_aspect("equal")


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of the distances."""
    paths = {
        title: lambda run, name=name: path(data, run, name) for name, title in DISTANCES.items()
    }
    made = interactive_courses(data, paths, oracles(data), settings)
    axes = {"xaxis": {"title": {"text": ACROSS}}, "yaxis": {"title": {"text": UP}}}
    return {**made, "layout": {**made["layout"], **axes}}
