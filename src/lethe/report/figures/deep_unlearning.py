"""What must go against what must stay, where facts follow from each other (EDU-RELAT)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lethe.report import interactive as page
from lethe.report.annotations import about, growing_marks, legend
from lethe.report.figures._plane import (
    LARGEST,
    SMALLEST,
    draw_courses,
    interactive_courses,
    oracle_look,
)
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import line_handle, looks

READS = ("scores",)
SCORES_OF = ("deep_unlearning",)
PAGE = {"title": "Facts that follow from others", "place": 8}
METRIC = "deep_unlearning"
PANELS = {"recall": "Of what must go, forgotten", "deducible": "Targets that can be deduced"}
ACROSS = "Other facts that are told"


def draw(data: FigureData) -> Figure:
    """Two panels; a line for each method, from the full model to the last epoch."""
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(7.0, 3.1))
    for axes, (name, title) in zip(figure.subplots(1, 2, sharex=True), PANELS.items(), strict=True):
        draw_courses(axes, data, lambda run, name=name: path(data, run, name), oracle_look(data))
        axes.set_title(title, fontsize=9)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
    figure.supxlabel(ACROSS, fontsize=9)
    figure.supylabel("Share", fontsize=9)
    handles = [line_handle(look[run]) for run in (FULL, data.oracle, *data.methods)]
    legend(figure, handles, growing_marks(SMALLEST, LARGEST), title=about(data))
    return figure


def path(data: FigureData, run: str, name: str) -> np.ndarray:
    """Accuracy and a number of targets, by epoch from full on: [n, 2]."""
    start = _points(data, FULL, name)
    return start if run == FULL else np.vstack([start, _points(data, run, name)])


def _points(data: FigureData, run: str, name: str) -> np.ndarray:
    places = ("accuracy", name)
    return np.column_stack([data.mean(run, METRIC, place).values for place in places])


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of both numbers."""
    paths = {title: lambda run, name=name: path(data, run, name) for name, title in PANELS.items()}
    made = interactive_courses(data, paths, oracle_look(data), settings)
    axes = {"xaxis": {"title": {"text": ACROSS}}, "yaxis": {"title": {"text": "Share"}}}
    return {**made, "layout": {**made["layout"], **axes}}
