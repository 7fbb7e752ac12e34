"""Figures 7 and 9: the trajectories on the smallest forget set, near the finetuned model."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lethe.report.figures.base import FigureData
from lethe.report.figures.trajectories import QUALITY, UTILITY
from lethe.report.labels import FULL, RETAIN
from lethe.report.paper.style import legend, method_looks
from lethe.report.paper.trajectories import paths, start

# Of the range of the data, left free at each side.
MARGIN = 0.08


def draw(panels: Sequence[FigureData], classes: Mapping[str, str]) -> Figure:
    """A panel for each model; its axes hold all that is drawn and no more."""
    looks = method_looks(dict(classes))
    figure = Figure(figsize=(1.3 + 2.85 * len(panels), 2.9))
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    lowest = min(_values(data, QUALITY, 0.0).min() for data in panels)
    for axes, data in zip(row, panels, strict=True):
        _panel(axes, data, looks, lowest)
    row[0].set_ylabel(r"Forget Quality (log$_{10}$ p)")
    legend(figure, [looks[run] for run in (FULL, RETAIN, *panels[0].methods)])
    return figure


def _panel(axes: Axes, data: FigureData, looks: Mapping, lowest: float) -> None:
    paths(axes, data, looks, lowest)
    utility = _values(data, UTILITY, data.last(RETAIN, *UTILITY).mean())
    room = MARGIN * (np.ptp(utility) or 0.01)
    axes.set_title(data.model)
    axes.set_xlabel("Model Utility")
    axes.set_xlim(utility.min() - room, utility.max() + room)
    axes.set_ylim(min(lowest, -1.0) * (1 + MARGIN), -min(lowest, -1.0) * MARGIN)
    axes.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _values(data: FigureData, value: tuple[str, str], oracle: float) -> np.ndarray:
    """A number of everything drawn: methods, the finetuned model and the oracle."""
    first = start(data)[0 if value == UTILITY else 1]
    courses = [data.mean(method, *value).values for method in data.methods]
    return np.concatenate([*courses, [first, oracle]])
