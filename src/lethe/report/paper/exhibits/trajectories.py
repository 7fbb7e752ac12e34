"""Figures 5 and 6: forget quality against model utility, a panel for each size of the forget set.

All panels share their axes: utility from 0 to 1, the logarithm of p from 0 down to the finetuned
models and a little further. A collapsed model may be far below that; it is drawn as an open mark on
the lower edge.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.report.annotations import arrows
from lethe.report.figures.base import FigureData
from lethe.report.figures.trajectories import QUALITY, UTILITY
from lethe.report.labels import FULL, RETAIN
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.style import LARGEST, SMALLEST, legend, method_looks
from lethe.report.style import Look, marker_sizes
from lethe.world.splits.author_share import published

NUMBER = "Figures 5 and 6"
TITLE = "trajectories"
CAPTION = """
**Figures 5 and 6: forget quality against model utility** of {model}, a panel for each size of the
forget set. Black square: the finetuned model; grey star: the oracle, whose p against itself is 1.
A line for each method, with arrows of time and a mark for each epoch, larger from epoch to epoch.
Open marks on the lower edge lie below the axis. The square stands at its own panel's value.
"""
FILE = "fig05_06_trajectories/{model}"
READS = "scores"

# The axis ends this far below the lowest finetuned model; its ticks below 0 begin here.
FURTHER, FIRST_TICK = 1.3, -5


def draw(data: ExhibitData) -> Figure:
    """One model's panels, smallest forget set first."""
    looks, panels = method_looks(data.methods), data.panels()
    figure = Figure(figsize=(7.0, 2.7))
    row = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    ticks = quality_ticks(min(start(panel)[1] for panel in panels))
    for axes, panel in zip(row, panels, strict=True):
        axes.set_title(f"{panel.model}, Forget Set {published(panel.split).percent}%")
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(ticks[0] * 1.04, -ticks[0] * 0.04)
        axes.set_yticks(ticks)
        axes.set_xlabel("Model Utility")
        paths(axes, panel, looks, lowest=ticks[0])
    row[0].set_ylabel(r"Forget Quality (log$_{10}$ p)")
    legend(figure, [looks[run] for run in (FULL, RETAIN, *data.methods)])
    point_out(row, panels, looks, lowest=ticks[0])
    return figure


def quality_ticks(lowest: float) -> list[int]:
    """Four ticks, lowest first: 0, -5 and two in equal steps below; closer ones on a short axis."""
    bottom = math.floor(lowest * FURTHER)
    if bottom > FIRST_TICK - 4:
        return list(range(min(bottom, -2), 1, max(1, -bottom // 4)))
    step = math.ceil((FIRST_TICK - bottom) / 2)
    return [FIRST_TICK - 2 * step, FIRST_TICK - step, FIRST_TICK, 0]


def start(data: FigureData) -> tuple[float, float]:
    """The finetuned model's place: the mean over seeds."""
    return data.last(FULL, *UTILITY).mean(), data.last(FULL, *QUALITY).mean()


def course(data: FigureData, method: str) -> np.ndarray:
    """Utility and quality of the finetuned model and of each epoch: [1 + epochs, 2]."""
    values = [data.mean(method, *place).values for place in (UTILITY, QUALITY)]
    return np.vstack([start(data), np.column_stack(values)])


def paths(axes: Axes, data: FigureData, looks: Mapping[str, Look], lowest: float) -> None:
    """A line with growing marks for each method, the square and the star."""
    for method in data.methods:
        _method(axes, course(data, method), looks[method], lowest)
    marks = {FULL: (start(data), 40), RETAIN: ((data.last(RETAIN, *UTILITY).mean(), 0.0), 110)}
    for run, (point, size) in marks.items():
        look = looks[run]
        axes.scatter(*point, s=size, marker=look.marker, color=look.colour, zorder=5, clip_on=False)


def point_out(
    row: Iterable[Axes], panels: Iterable[FigureData], looks: Mapping[str, Look], lowest: float
) -> None:
    """Arrows of time on every line; call it when everything else is drawn."""
    for number, (axes, panel) in enumerate(zip(row, panels, strict=True)):
        if number == 0:
            axes.figure.draw_without_rendering()
        for method in panel.methods:
            x, y = course(panel, method).T
            arrows(axes, x, np.maximum(y, lowest), looks[method].colour)


def _method(axes: Axes, path: np.ndarray, look: Look, lowest: float) -> None:
    x, y = path.T
    line = {"color": look.colour, "linestyle": look.line, "linewidth": 1.1, "alpha": 0.9}
    axes.plot(x, np.maximum(y, lowest), zorder=3, **line)
    below, sizes = y[1:] < lowest, marker_sizes(len(y) - 1, SMALLEST, LARGEST)
    style = {"marker": look.marker, "zorder": 4, "clip_on": False}
    closed = {"color": look.colour, "edgecolors": "0.2", "linewidths": 0.5, **style}
    axes.scatter(x[1:][~below], y[1:][~below], s=sizes[~below], **closed)
    opened = {"facecolors": "white", "edgecolors": look.colour, "linewidths": 1.0, **style}
    axes.scatter(x[1:][below], np.full(below.sum(), lowest), s=sizes[below], **opened)
