"""Figure 7: the trajectories on the smallest forget set, near the finetuned model."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lethe.report.annotations import about
from lethe.report.figures.base import FigureData
from lethe.report.figures.trajectories import QUALITY, UTILITY
from lethe.report.labels import FULL, RETAIN
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.exhibits.trajectories import paths, point_out, start
from lethe.report.paper.style import legend, method_looks

NUMBER = "Figure 7"
TITLE = "zoom on the smallest forget set"
CAPTION = """
**The trajectories on the smallest forget set**, on axes that hold just what is drawn. Marks as in
Figures 5 and 6.
"""
FILE = "fig07_zoom"
READS = "scores"
SPLITS = "smallest"

# Margin on each side, as a share of the data's range.
MARGIN = 0.08


def draw(data: ExhibitData) -> Figure:
    """A panel for each model, whose axes just fit what is drawn."""
    looks, panels = method_looks(data.methods), data.panels()
    figure = Figure(figsize=(1.3 + 2.85 * len(panels), 2.9))
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    lowest = min(_values(panel, QUALITY, 0.0).min() for panel in panels)
    for axes, panel in zip(row, panels, strict=True):
        _panel(axes, panel, looks, lowest)
    row[0].set_ylabel(r"Forget Quality (log$_{10}$ p)")
    legend(figure, [looks[run] for run in (FULL, RETAIN, *data.methods)])
    point_out(row, panels, looks, lowest)
    return figure


def _panel(axes: Axes, data: FigureData, looks: Mapping, lowest: float) -> None:
    paths(axes, data, looks, lowest)
    utility = _values(data, UTILITY, data.last(RETAIN, *UTILITY).mean())
    room = MARGIN * (np.ptp(utility) or 0.01)
    axes.set_title(about(data))
    axes.set_xlabel("Model Utility")
    axes.set_xlim(utility.min() - room, utility.max() + room)
    axes.set_ylim(min(lowest, -1.0) * (1 + MARGIN), -min(lowest, -1.0) * MARGIN)
    axes.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _values(data: FigureData, value: tuple[str, str], oracle: float) -> np.ndarray:
    """The values of one number for everything drawn: methods, finetuned model and oracle."""
    first = start(data)[0 if value == UTILITY else 1]
    courses = [data.mean(method, *value).values for method in data.methods]
    return np.concatenate([*courses, [first, oracle]])
