"""What is kept over what is forgotten, of the same authors and of others (PPU-Bench)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.report.annotations import about, growing_marks, legend
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, line_handle, looks, marker_sizes, marks

READS = ("scores", "same_author_retain")
PAGE = {"title": "Facts kept of the same authors and of others", "place": 7}
FORGET = ("probability", "forget")
PANELS = {"kept_probability": "Same authors", "others_probability": "Other authors"}
SMALLEST, LARGEST = 10.0, 44.0


def draw(data: FigureData) -> Figure:
    """Two panels of one scale; a line for each method, from the full model to the last epoch."""
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(7.0, 2.9))
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        axes.axhline(1.0, color="0.6", linestyle=":", linewidth=0.8, zorder=1)
        for method in data.methods:
            _method(axes, path(data, method, name), look[method])
        for run in (FULL, data.oracle):
            _reference(axes, path(data, run, name)[-1], look[run])
        axes.set_title(title, fontsize=9)
    panels[0].set_ylabel("Kept facts, probability\nas a share of full's")
    panels[0].set_ylim(bottom=0.0)
    figure.supxlabel("Forgotten facts, probability", fontsize=9)
    handles = [line_handle(look[run]) for run in (FULL, data.oracle, *data.methods)]
    legend(figure, handles, growing_marks(SMALLEST, LARGEST), title=about(data))
    return figure


def path(data: FigureData, run: str, name: str) -> np.ndarray:
    """Forget probability, and what is kept as a share of full's, by epoch from full on: [., 2]."""
    start = _points(data, FULL, name)
    points = start if run == FULL else np.vstack([start, _points(data, run, name)])
    return points / np.array([1.0, start[0, 1]])


def _points(data: FigureData, run: str, name: str) -> np.ndarray:
    both: Sequence[tuple[str, str]] = (FORGET, ("same_author_retain", name))
    return np.column_stack([data.mean(run, *place).values for place in both])


def _method(axes: Axes, points: np.ndarray, look: Look) -> None:
    axes.plot(*points.T, color=look.colour, linestyle=look.line, linewidth=1.1, zorder=3)
    marks(axes, *points[1:].T, marker_sizes(len(points) - 1, SMALLEST, LARGEST), look)


def _reference(axes: Axes, point: np.ndarray, look: Look) -> None:
    axes.scatter(*point, s=60, marker=look.marker, color=look.colour, zorder=5, clip_on=False)
