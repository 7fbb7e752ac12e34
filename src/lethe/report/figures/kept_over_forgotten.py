"""What is kept against what is forgotten, of the same authors and of others (PPU-Bench)."""

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
SCORES_OF = ("same_author_retain",)
PAGE = {"title": "Facts kept of the same authors and of others", "place": 7}
FORGET = ("probability", "forget")
PANELS = {"kept_probability": "Same authors", "others_probability": "Other authors"}
ACROSS, UP = "Forgotten facts, probability", "Kept facts, probability as a share of full's"


def draw(data: FigureData) -> Figure:
    """Two panels of one scale; a line for each method, from the full model to the last epoch."""
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(7.0, 3.1))
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        axes.axhline(1.0, color="0.6", linestyle=":", linewidth=0.8, zorder=1)
        draw_courses(axes, data, lambda run, name=name: path(data, run, name), oracle_look(data))
        axes.set_title(title, fontsize=9)
    panels[0].set_ylim(bottom=0.0)
    figure.supylabel(UP, fontsize=9)
    figure.supxlabel(ACROSS, fontsize=9)
    handles = [line_handle(look[run]) for run in (FULL, data.oracle, *data.methods)]
    legend(figure, handles, growing_marks(SMALLEST, LARGEST), title=about(data))
    return figure


def path(data: FigureData, run: str, name: str) -> np.ndarray:
    """Forget probability, and what is kept as a share of full's, by epoch from full on: [n, 2]."""
    start = _points(data, FULL, name)
    points = start if run == FULL else np.vstack([start, _points(data, run, name)])
    return points / np.array([1.0, start[0, 1]])


def _points(data: FigureData, run: str, name: str) -> np.ndarray:
    places = (FORGET, ("same_author_retain", name))
    return np.column_stack([data.mean(run, *place).values for place in places])


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of whose facts were kept."""
    paths = {title: lambda run, name=name: path(data, run, name) for name, title in PANELS.items()}
    made = interactive_courses(data, paths, oracle_look(data), settings)
    axes = {"xaxis": {"title": {"text": ACROSS}}, "yaxis": {"title": {"text": UP}}}
    return {**made, "layout": {**made["layout"], **axes}}
