"""Unlearning or untraining: the distance to one oracle over that to the other (2604.07962)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.metrics.generalisation import UNLEARNED, UNTRAINED
from lethe.report.annotations import about, growing_marks, legend
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, line_handle, looks, marker_sizes, marks

READS = ("scores", "generalisation")
PAGE = {"title": "Unlearning or untraining", "place": 7}
DISTANCES = {
    "probability": "mean |p − p$_{oracle}$|",
    "js": "JS divergence (nats)",
    "ks": "KS of truth ratios",
}
SMALLEST, LARGEST = 10.0, 44.0
DIAGONAL = {"color": "0.45", "linestyle": "--", "linewidth": 0.8, "zorder": 1}


def draw(data: FigureData) -> Figure:
    """A panel for each distance; a line for each method, from the full model to the last epoch.

    Above the diagonal a model is nearer to the untraining oracle, below it to the unlearning one.
    """
    look = looks(data.methods, data.oracle)
    other = Look(**{**vars(look[data.oracle]), "label": "Oracle of untraining", "marker": "x"})
    named = {UNLEARNED: look[data.oracle], UNTRAINED: other}
    figure = Figure(figsize=(7.0, 3.3))
    for axes, (name, title) in zip(figure.subplots(1, 3), DISTANCES.items(), strict=True):
        for method in data.methods:
            _method(axes, path(data, method, name), look[method])
        for run, own in {FULL: look[FULL], **named}.items():
            _reference(axes, points(data, run, name)[-1], own)
        axes.set_title(title, fontsize=8)
        _square(axes)
    figure.supxlabel("Distance to the oracle of untraining", fontsize=9)
    figure.supylabel("Distance to the oracle\nof unlearning", fontsize=9)
    shown = [look[FULL], *named.values(), *(look[method] for method in data.methods)]
    handles = [line_handle(one) for one in shown]
    sizes = growing_marks(SMALLEST, LARGEST)
    legend(figure, handles, sizes, "upper center", title=about(data), ncols=4)
    return figure


def points(data: FigureData, run: str, name: str) -> np.ndarray:
    """Distances of a run to the oracles of untraining and of unlearning, by epoch: [epochs, 2]."""
    keys = (f"{UNTRAINED}_{name}", f"{UNLEARNED}_{name}")
    return np.column_stack([data.mean(run, "generalisation", key).values for key in keys])


def path(data: FigureData, run: str, name: str) -> np.ndarray:
    """The same from the full model on: [1 + epochs, 2]."""
    return np.vstack([points(data, FULL, name), points(data, run, name)])


def _method(axes: Axes, course: np.ndarray, look: Look) -> None:
    axes.plot(*course.T, color=look.colour, linestyle=look.line, linewidth=1.1, zorder=3)
    marks(axes, *course[1:].T, marker_sizes(len(course) - 1, SMALLEST, LARGEST), look)


def _reference(axes: Axes, point: np.ndarray, look: Look) -> None:
    axes.scatter(*point, s=60, marker=look.marker, color=look.colour, zorder=5, clip_on=False)


def _square(axes: Axes) -> None:
    """Equal axes from 0, and the diagonal."""
    most = 1.08 * max(axes.dataLim.x1, axes.dataLim.y1, 1e-6)
    axes.plot([0, most], [0, most], **DIAGONAL)
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    axes.set_aspect("equal")
