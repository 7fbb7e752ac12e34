"""Figures 8 and 10 to 33: ROUGE, probability and truth ratio of one run on the four sets."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lethe.report.figures import curves
from lethe.report.figures.base import FigureData
from lethe.report.labels import run_label


def draw(panels: Sequence[FigureData], classes: Mapping[str, str]) -> Figure:
    """Lethe's own curves of one method, with the paper's ticks: every second epoch.

    ``panels`` holds one model and split with one method. The dotted line, the oracle's value on
    the forget set, is ours.
    """
    (data,), (method,) = panels, panels[0].methods
    figure = curves.draw(data)
    steps = data.mean(method, "rouge", "forget").steps
    figure.axes[0].set_ylabel(f"{run_label(method)}\n{data.model}, {data.split}")
    for axes in figure.axes:
        axes.set_xticks(np.concatenate([[0], steps])[::2])
    return figure
