"""A sequence of requests: what is left of them and what stays, one by one (ICU-Bench)."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lethe.analysis.sequences import METRIC
from lethe.report.annotations import about, legend
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import line_handle, looks, marks

READS = ("requests",)
PAGE = {"title": "A sequence of requests", "place": 9}
ACROSS = "Requests answered"


@dataclass(frozen=True)
class Panel:
    """A value over the requests; ``full``: the full model's, None: its own in the same metric."""

    name: str
    title: str
    full: float | None
    first: int = 1


PANELS = (
    Panel("now", "The request just answered,\nprobability", None),
    Panel("earlier", "Requests before it,\nprobability", None, first=2),
    Panel("retained", "Retain set, probability\nas a share of full's", 1.0),
    Panel("utility_kept", "Model utility\nas a share of full's", 1.0),
)


def draw(data: FigureData) -> Figure:
    """A panel for each number; a line for each method, the mean over seeds and their range."""
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(8.6, 2.9))
    for axes, panel in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        if panel.name in set(data.scores["name"]):
            _draw_panel(axes, data, panel)
        else:
            axes.text(0.5, 0.5, "full has none", ha="center", transform=axes.transAxes)
        axes.set_title(panel.title, fontsize=8)
        axes.set_ylim(bottom=0.0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel(ACROSS, fontsize=9)
    runs = dict.fromkeys((FULL, data.oracle, *data.methods))
    legend(figure, [line_handle(look[run]) for run in runs], title=about(data))
    return figure


def _draw_panel(axes: Axes, data: FigureData, panel: Panel) -> None:
    look = looks(data.methods, data.oracle)
    level = data.mean(FULL, METRIC, panel.name).values[-1] if panel.full is None else panel.full
    axes.axhline(level, color=look[FULL].colour, linestyle=":", linewidth=0.8, zorder=1)
    for method in data.methods:
        courses = data.courses(method, METRIC, panel.name)
        requests = courses[0].epochs
        shown = requests >= panel.first
        values = np.array([course.values for course in courses])[:, shown]
        own = look[method]
        axes.plot(
            requests[shown], values.mean(0), color=own.colour, linestyle=own.line, linewidth=1.1
        )
        if len(courses) > 1:
            ends = (values.min(0), values.max(0))
            axes.fill_between(requests[shown], *ends, color=own.colour, alpha=0.15, linewidth=0)
        marks(axes, requests[shown], values.mean(0), 14, own)
    if data.oracle != FULL:
        there = data.mean(data.oracle, METRIC, panel.name)
        marks(axes, there.epochs, there.values, 60, look[data.oracle])
