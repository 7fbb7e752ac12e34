"""A sequence of requests: what is left of them and what is kept, one by one (ICU-Bench)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lethe.analysis.sequences import METRIC
from lethe.common.errors import LetheError
from lethe.report import interactive as page
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
    figure = Figure(figsize=(8.6, 2.9))
    return drawn(data, figure, PANELS, figure.subplots(1, len(PANELS)))


def drawn(
    data: FigureData, figure: Figure, panels: Sequence[Panel], places: Sequence[Axes]
) -> Figure:
    """Draw the panels at their places in a figure, with a legend."""
    _check(data)
    look = looks(data.methods, data.oracle)
    for axes, panel in zip(places, panels, strict=True):
        if _is_there(data, panel):
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


def _check(data: FigureData) -> None:
    """LetheError for data that are not of a sequence of requests."""
    if not data.measured(METRIC):
        raise LetheError(f"figure requests: {about(data)} has no {METRIC}; score its sequence")


def _is_there(data: FigureData, panel: Panel) -> bool:
    """Whether the value was measured; shares of what the full model lacks are not."""
    scores = data.scores
    return bool(((scores["metric"] == METRIC) & (scores["name"] == panel.name)).any())


def _level(data: FigureData, panel: Panel) -> float:
    """The full model's value."""
    return data.mean(FULL, METRIC, panel.name).values[-1] if panel.full is None else panel.full


def _draw_panel(axes: Axes, data: FigureData, panel: Panel) -> None:
    look = looks(data.methods, data.oracle)
    axes.axhline(
        _level(data, panel), color=look[FULL].colour, linestyle=":", linewidth=0.8, zorder=1
    )
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


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of the numbers that there are; means over seeds."""
    return on_page(data, settings, PANELS)


def on_page(data: FigureData, settings: Mapping[str, str], panels: Sequence[Panel]) -> page.Spec:
    """One panel, with a menu of those of ``panels`` that there are."""
    _check(data)
    look = looks(data.methods, data.oracle)
    shown = {
        panel.title.replace("\n", " "): {run: _course(data, run, panel) for run in look}
        for panel in panels
        if _is_there(data, panel)
    }
    made = page.courses(shown, look, settings)
    axes = {"xaxis": {"title": {"text": ACROSS}, "dtick": 1}, "yaxis": {"rangemode": "tozero"}}
    return {**made, "layout": {**made["layout"], **axes}}


def _course(data: FigureData, run: str, panel: Panel) -> np.ndarray:
    """A run's value after each request, [requests, 2]; the full model's at both ends."""
    if run == FULL:
        ends = data.mean(data.methods[0], METRIC, panel.name).epochs[[0, -1]]
        return np.column_stack([ends, [_level(data, panel)] * 2])
    course = data.mean(run, METRIC, panel.name)
    points = np.column_stack([course.epochs, course.values])
    return points[course.epochs >= panel.first]
