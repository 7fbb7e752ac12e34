"""Reliability: how often a choice is right against the confidence in it, on the forget set."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lethe.metrics._calibration import Bins, binned
from lethe.metrics.base import read_metric
from lethe.report import interactive as page
from lethe.report.annotations import about
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL, SETS
from lethe.report.style import Look, looks

READS = ("scores", "calibration")
PAGE = {"title": "Reliability of the choice between answers", "place": 6}
MOST_IN_ROW = 4
# Areas of marks in square points (static) and diameters in pixels (page), of no items and of all.
AREAS, DIAMETERS = (8.0, 120.0), (5.0, 22.0)
DIAGONAL = {"color": "0.45", "linestyle": "--", "linewidth": 0.8, "zorder": 1}
AHEAD = "Confidence that is right"


def draw(data: FigureData) -> Figure:
    """A panel for the full model and each method at its last epoch, the oracle behind each."""
    runs = (FULL, *data.methods)
    look = looks(data.methods, data.oracle)
    bins = {run: _bins(data, run, "forget") for run in (data.oracle, *runs)}
    columns = min(len(runs), MOST_IN_ROW)
    rows = math.ceil(len(runs) / columns)
    figure = Figure(figsize=(7.0, 0.9 + 1.75 * rows))
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for run, axes in zip(runs, panels, strict=False):
        axes.plot([0, 1], [0, 1], **DIAGONAL)
        for order, name in enumerate((data.oracle, run), start=2):
            _line(axes, bins[name], look[name], order)
        axes.set_title(f"{look[run].label}: ECE {bins[run].expected_error:.2f}", fontsize=8)
        axes.tick_params(labelbottom=run in runs[-columns:])
    panels[0].set_xlim(0.0, 1.04)
    panels[0].set_ylim(-0.06, 1.06)
    for axes in panels[len(runs) :]:
        axes.remove()
    figure.supxlabel("Confidence (mean of a bin), forget set", fontsize=9)
    figure.supylabel("Share that is right", fontsize=9)
    _legend(figure, look[data.oracle], about(data))
    return figure


def _bins(data: FigureData, run: str, name: str) -> Bins:
    """The bins of a run's items at its last epoch, first seed; as many as the metric has."""
    confidence, correct = (
        data.items(run, "calibration", f"{name}_{number}") for number in ("confidence", "accuracy")
    )
    file = read_metric(data.files[run, data.seeds[0], "calibration"], "calibration")
    return binned(confidence, correct, file.settings["bins"])


def _sizes(bins: Bins, ends: tuple[float, float]) -> np.ndarray:
    """A size for each bin between ``ends``, by its share of the items."""
    return ends[0] + (ends[1] - ends[0]) * bins.count / bins.count.sum()


def _line(axes: Axes, bins: Bins, look: Look, order: int) -> None:
    places = (bins.confidence, bins.accuracy)
    axes.plot(*places, color=look.colour, linestyle=look.line, linewidth=1.0, zorder=order)
    style = {"color": look.colour, "marker": look.marker, "linewidth": 0, "zorder": order}
    axes.scatter(*places, _sizes(bins, AREAS), label=look.label, **style)


def _legend(figure: Figure, oracle: Look, title: str) -> None:
    dots = {"color": "0.2", "marker": "o", "linewidth": 1.0, "markersize": 4}
    grey = {"color": oracle.colour, "marker": oracle.marker, "linewidth": 1.0}
    handles = [
        Line2D([], [], label=oracle.label, **grey),
        Line2D([], [], label="The run above the panel (size: items)", **dots),
        Line2D([], [], label=AHEAD, **{**DIAGONAL, "zorder": 2}),
    ]
    figure.legend(handles=handles, title=title, loc="outside upper center", ncols=len(handles))


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """All runs in one panel, with a menu of the four sets."""
    look = looks(data.methods, data.oracle)
    by_set = {name: [_bins(data, run, name) for run in look] for name in reversed(SETS)}
    lines = [
        _interactive_line(bins, shown, settings.get(run, ""))
        for bins, (run, shown) in zip(by_set["forget"], look.items(), strict=True)
    ]
    traces = list(range(len(lines)))
    choices = {SETS[name]: [_points(some), {}, traces] for name, some in by_set.items()}
    layout = {
        "xaxis": {"title": {"text": "Confidence (mean of a bin)"}, "range": [0.0, 1.04]},
        "yaxis": {"title": {"text": "Share that is right"}, "range": [-0.04, 1.04]},
        "updatemenus": [page.menu(choices)],
    }
    return {"data": [*lines, _diagonal()], "layout": layout}


def _points(bins: list[Bins]) -> page.Spec:
    """What differs between the sets, for each line."""
    return {
        "x": [some.confidence.round(4).tolist() for some in bins],
        "y": [some.accuracy.round(4).tolist() for some in bins],
        "customdata": [some.count.tolist() for some in bins],
        "marker.size": [_sizes(some, DIAMETERS).round(1).tolist() for some in bins],
    }


def _interactive_line(bins: Bins, look: Look, settings: str) -> page.Spec:
    shown = {key: values[0] for key, values in _points([bins]).items()}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": look.label,
        "marker": page.marker(look, shown.pop("marker.size")),
        "line": page.line(look),
        "text": page.hover(look.label, [], settings),
        "hovertemplate": "%{text}<br>confidence %{x:.3f}: %{y:.0%} right, %{customdata} items"
        "<extra></extra>",
        **shown,
    }


def _diagonal() -> page.Spec:
    line = {"color": "#737373", "width": 1, "dash": "dash"}
    ends = {"x": [0, 1], "y": [0, 1], "hoverinfo": "skip"}
    return {"type": "scatter", "mode": "lines", "name": AHEAD, "line": line, **ends}
