"""What is known by text, by picture and by both while a model unlearns, and of kept pictures."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lethe.report import interactive as page
from lethe.report.annotations import about, legend
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import LOWEST, line_handle, looks, marks

READS = ("scores", "intervals")
SCORES_OF = ("pictures",)
ONLY_WITH = ("world.pictures",)
PAGE = {"title": "The course of unlearning by modality", "place": 2}
METRIC = "pictures"
PANELS = {
    "text_probability": "Forget set,\nby text",
    "picture_probability": "Forget set,\nby picture",
    "both_probability": "Forget set,\nby both",
    "retain_picture_probability": "Retain set,\nby picture",
}
ACROSS, UP = "Epoch", "Probability of the true answer"


def draw(data: FigureData) -> Figure:
    """A panel for each modality; a line for each method, from the full model on."""
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(8.6, 2.9))
    places = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (name, title) in zip(places, PANELS.items(), strict=True):
        _panel(axes, data, name)
        axes.set_title(title, fontsize=8)
    places[0].set_ylim(LOWEST, 1.03)
    places[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel(ACROSS, fontsize=9)
    figure.supylabel(UP, fontsize=9)
    runs = dict.fromkeys((FULL, data.oracle, *data.methods))
    legend(figure, [line_handle(look[run]) for run in runs], title=about(data))
    return figure


def _panel(axes: Axes, data: FigureData, name: str) -> None:
    look = looks(data.methods, data.oracle)
    for method in data.methods:
        own, points = look[method], course(data, method, name)
        axes.plot(*points.T, color=own.colour, linestyle=own.line, linewidth=1.1)
        ends = data.interval(method, METRIC, name)
        axes.fill_between(points[1:, 0], *ends, color=own.colour, alpha=0.15, linewidth=0)
        marks(axes, *points[1:].T, 14, own)
    own, level = look[data.oracle], data.last(data.oracle, METRIC, name).mean()
    axes.axhline(level, color=own.colour, linestyle=":", linewidth=1.0, zorder=1)
    marks(axes, [_last(data)], [level], 50, own)
    marks(axes, *course(data, FULL, name).T, 30, look[FULL])


def _last(data: FigureData) -> int:
    """The last epoch of any method."""
    return max(data.mean(method, METRIC, next(iter(PANELS))).epochs[-1] for method in data.methods)


def course(data: FigureData, run: str, name: str) -> np.ndarray:
    """A value at epoch 0, of the full model, and after each epoch of a run: [epochs + 1, 2]."""
    start = np.array([[0.0, data.last(FULL, METRIC, name).mean()]])
    if run == FULL:
        return start
    own = data.mean(run, METRIC, name)
    return np.vstack([start, np.column_stack([own.epochs, own.values])])


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of the modalities; means over seeds."""
    look = looks(data.methods, data.oracle)
    shown = {}
    for name, title in PANELS.items():
        level = data.last(data.oracle, METRIC, name).mean()
        lines = {run: course(data, run, name) for run in look if run != data.oracle}
        lines[data.oracle] = np.array([[0.0, level], [_last(data), level]])
        shown[title.replace("\n", " ")] = {run: lines[run] for run in look}
    made = page.courses(shown, look, settings)
    axes = {
        "xaxis": {"title": {"text": ACROSS}, "dtick": 1},
        "yaxis": {"title": {"text": UP}, "range": [LOWEST, 1.03]},
    }
    return {**made, "layout": {**made["layout"], **axes}}
