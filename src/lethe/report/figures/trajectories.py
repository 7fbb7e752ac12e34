"""Forget quality against model utility, epoch by epoch."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lethe.analysis.statistics import SIGNIFICANT
from lethe.report import interactive as page
from lethe.report.annotations import (
    THRESHOLD,
    about,
    arrows,
    growing_marks,
    label_points,
    legend,
    name_line,
)
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import (
    GREY,
    Look,
    crosses,
    height,
    line_handle,
    looks,
    marker_sizes,
    marks,
    reach,
)
from lethe.report.table_layout import bracketed

PAGE = {"title": "Forget quality against model utility", "place": 1}
SCORES_OF = ("forget_quality", "model_utility")
# Marker areas of the first and the last epoch, in square points.
SMALLEST, LARGEST = 12.0, 64.0
UTILITY = ("model_utility", "model_utility")
QUALITY = ("forget_quality", "log10_forget_quality")
FLOOR = "Oracle pairs"
# More methods than these have a panel each, in which the others are pale.
MOST_TOGETHER, COLUMNS = 10, 5
PALE = "0.87"


def draw(data: FigureData) -> Figure:
    """A line for each method; markers grow with the epoch, from the full model to the end."""
    if len(data.methods) > MOST_TOGETHER:
        return _apart(data)
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(6.4, height(3.8, len(data.methods) + 5)))
    axes = figure.add_subplot()
    floor = _panel(axes, data, data.methods, look)
    axes.set_title(about(data))
    axes.set_xlabel("Model Utility")
    axes.set_ylabel(r"Forget Quality (log$_{10}$ p-value)")
    name_line(axes, f"p = {SIGNIFICANT}", y=np.log10(SIGNIFICANT))
    shown = [look[run] for run in (FULL, data.oracle, *data.methods)]
    handles = [*map(line_handle, shown), *([floor] if floor else [])]
    legend(figure, handles, growing_marks(SMALLEST, LARGEST))
    _point_out(axes, data, data.methods, look)
    return figure


def _apart(data: FigureData) -> Figure:
    """A panel for each method, with the lines of all others behind it."""
    look, number = looks(data.methods, data.oracle), len(data.methods)
    rows = math.ceil(number / COLUMNS)
    figure = Figure(figsize=(7.0, 1.0 + 1.25 * rows))
    grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True)
    for method, axes in zip(data.methods, grid.flat, strict=False):
        axes.add_collection(LineCollection(_all_paths(data), colors=PALE, linewidths=0.6, zorder=1))
        floor = _panel(axes, data, [method], look)
        axes.set_title(look[method].label, fontsize=7)
        axes.tick_params(labelbottom=axes in grid.flat[number - COLUMNS : number])
    _fit(grid.flat[0], data)
    for axes in grid.flat[number:]:
        axes.remove()
    figure.supxlabel("Model Utility", fontsize=9)
    figure.supylabel(r"Forget Quality (log$_{10}$ p-value)", fontsize=9)
    handles = [line_handle(look[run]) for run in (FULL, data.oracle)]
    handles.append(Line2D([], [], label=f"p = {SIGNIFICANT}", **THRESHOLD))
    handles.append(Line2D([], [], color=PALE, label="All methods"))
    handles += [floor] if floor else []
    sizes = growing_marks(SMALLEST, LARGEST)
    legend(figure, handles, sizes, "upper center", title=about(data), ncols=len(handles) + 1)
    figure.draw_without_rendering()
    for method, axes in zip(data.methods, grid.flat, strict=False):
        arrows(axes, *_path(data, method).T, look[method].colour)
    return figure


def _panel(
    axes: Axes, data: FigureData, methods: Sequence[str], look: dict[str, Look]
) -> Artist | None:
    """Methods, references and thresholds; returns what the legend says of oracles' pairs."""
    axes.axhline(np.log10(SIGNIFICANT), **THRESHOLD)
    floor = _floor(axes, data)
    for method in methods:
        _method(axes, data, method, look[method])
    for run in (FULL, data.oracle):
        _crosses(axes, data, run, look[run].colour)
    _reference(axes, _start(data), look[FULL], 44)
    _reference(axes, (data.last(data.oracle, *UTILITY).mean(), 0.0), look[data.oracle], 110)
    _fit(axes, data)
    return floor


def _floor(axes: Axes, data: FigureData) -> Artist | None:
    """The range of p between oracles, as a band; a line if all are equal."""
    pairs = data.oracle_pairs()
    if pairs is None:
        return None
    low, high = pairs.log10_p.min(), pairs.log10_p.max()
    if low == high:
        return axes.axhline(low, color=GREY, linestyle=":", linewidth=0.9, zorder=1, label=FLOOR)
    return axes.axhspan(low, high, color=GREY, alpha=0.25, linewidth=0, zorder=1, label=FLOOR)


def _start(data: FigureData) -> tuple[float, float]:
    """The full model's place: the mean over seeds."""
    return data.last(FULL, *UTILITY).mean(), data.last(FULL, *QUALITY).mean()


def _path(data: FigureData, method: str) -> np.ndarray:
    """Utility and quality of a method at the start and at each epoch: [1 + epochs, 2]."""
    values = [data.mean(method, *place).values for place in (UTILITY, QUALITY)]
    return np.vstack([_start(data), np.column_stack(values)])


def _all_paths(data: FigureData) -> list[np.ndarray]:
    return [_path(data, method) for method in data.methods]


def _method(axes: Axes, data: FigureData, method: str, look: Look) -> None:
    _crosses(axes, data, method, look.colour)
    path = _path(data, method)
    style = {"color": look.colour, "linestyle": look.line, "linewidth": 1.1, "alpha": 0.9}
    axes.plot(*path.T, zorder=3, **style)
    marks(axes, *path[1:].T, marker_sizes(len(path) - 1, SMALLEST, LARGEST), look)


def _crosses(axes: Axes, data: FigureData, run: str, colour: str) -> None:
    """Intervals of both coordinates at each marker."""
    utility, quality = data.mean(run, *UTILITY), data.mean(run, *QUALITY)
    xerr = reach(utility.values, *data.interval(run, *UTILITY))
    yerr = reach(quality.values, *data.interval(run, *QUALITY))
    crosses(axes, utility.values, quality.values, colour, xerr=xerr, yerr=yerr)


def _reference(axes: Axes, point: tuple[float, float], look: Look, size: float) -> None:
    axes.scatter(
        *point,
        s=size,
        marker=look.marker,
        color=look.colour,
        zorder=5,
        clip_on=False,
        label=look.label,
    )


def _fit(axes: Axes, data: FigureData) -> None:
    """Axes that hold all methods, whichever are drawn."""
    paths = np.vstack(_all_paths(data))
    axes.set_xlim(0.0, min(1.0, 1.05 * max(axes.dataLim.x1, paths[:, 0].max())))
    bottom = min(axes.dataLim.y0, paths[:, 1].min(), -2.0)
    axes.set_ylim(bottom * 1.06, -bottom * 0.04)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))


def _point_out(axes: Axes, data: FigureData, methods: Sequence[str], look: dict) -> None:
    """Arrows of time, and the names of methods at their ends where they fit."""
    axes.figure.draw_without_rendering()
    paths = {method: _path(data, method) for method in methods}
    for method, path in paths.items():
        arrows(axes, *path.T, look[method].colour)
    ends = [(tuple(path[-1]), look[method]) for method, path in paths.items()]
    oracle = (data.last(data.oracle, *UTILITY).mean(), 0.0)
    label_points(axes, ends, [*np.vstack([*paths.values()]), oracle])


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """A line for each method, with a slider of epochs; a pointer shows a checkpoint's numbers."""
    look = looks(data.methods, data.oracle)
    tracks = [_track(data, run, look[run], settings.get(run, "")) for run in data.methods]
    stars = [_star(data, run, look[run]) for run in (FULL, data.oracle)]
    lows = [value for trace in (*tracks, *stars) for value in trace["y"]]
    bottom = min(-2.0, *lows) * 1.06
    right = max(value for trace in (*tracks, *stars) for value in trace["x"])
    layout = {
        "xaxis": {"title": {"text": "Model utility"}, "range": [0, min(1.0, 1.05 * right)]},
        "yaxis": {"title": {"text": "Forget quality (log₁₀ p)"}, "range": [bottom, -bottom * 0.05]},
        "sliders": [_slider(data, tracks)],
        **page.level(float(np.log10(SIGNIFICANT)), f"p = {SIGNIFICANT}", at="bottom left"),
    }
    return {"data": [*tracks, *stars], "layout": layout}


def _track(data: FigureData, run: str, look: Look, settings: str) -> page.Spec:
    """The course of a method, from the full model on."""
    utility, quality = data.mean(run, *UTILITY), data.mean(run, *QUALITY)
    sizes = np.linspace(7, 13, len(utility.epochs))
    start, numbers = _start(data), _checkpoint_texts(data, run)
    texts = [
        page.hover(f"{look.label}, epoch {epoch}", lines, settings)
        for epoch, lines in zip(utility.epochs, numbers, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": look.label,
        "x": [start[0], *utility.values.tolist()],
        "y": [start[1], *quality.values.tolist()],
        "hovertext": [page.hover(look.label, ["starts from the full model"]), *texts],
        "hoverinfo": "text",
        "line": page.line(look),
        "marker": page.marker(look, [3, *sizes.tolist()]),
    }


def _checkpoint_texts(data: FigureData, run: str) -> list[list[str]]:
    """The two numbers of each checkpoint, with their intervals."""
    lines = []
    for place, name, digits in ((UTILITY, "utility", ".3f"), (QUALITY, "log₁₀ p", "z.2f")):
        ends = zip(data.mean(run, *place).values, *data.interval(run, *place), strict=True)
        lines.append([f"{name} {bracketed(*numbers, digits)}" for numbers in ends])
    return [list(both) for both in zip(*lines, strict=True)]


def _star(data: FigureData, run: str, look: Look) -> page.Spec:
    """The place of the full model or of the oracle, whose p against itself is 1."""
    utility = float(data.last(run, *UTILITY).mean())
    quality = 0.0 if run == data.oracle else float(data.last(run, *QUALITY).mean())
    lines = [f"utility {utility:.3f}", f"log₁₀ p {quality:z.2f}"]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": look.label,
        "x": [utility],
        "y": [quality],
        "hovertext": [page.hover(look.label, lines)],
        "hoverinfo": "text",
        "marker": page.marker(look, 15 if run == data.oracle else 12),
    }


def _slider(data: FigureData, tracks: list[page.Spec]) -> page.Spec:
    """Each line up to the epoch that the slider is at."""
    epochs = [data.mean(run, *UTILITY).epochs for run in data.methods]
    steps = sorted({int(epoch) for some in epochs for epoch in some})
    changes = []
    for step in steps:
        many = [1 + int((some <= step).sum()) for some in epochs]
        pairs = list(zip(tracks, many, strict=True))
        changes.append({axis: [track[axis][:n] for track, n in pairs] for axis in ("x", "y")})
    return page.epoch_slider(steps, changes, len(tracks), "Up to epoch ")
