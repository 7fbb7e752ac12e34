"""Forget quality against model utility, epoch by epoch."""

from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lethe.analysis.statistics import SIGNIFICANT
from lethe.report import interactive as page
from lethe.report.figures.base import Course, FigureData
from lethe.report.labels import FULL
from lethe.report.style import BLACK, GREY, Look, crosses, height, looks, marker_sizes, marks, reach
from lethe.report.table_layout import bracketed

PAGE = {"title": "Forget quality against model utility", "place": 1}
# Marker areas of the first and the last epoch, in square points.
SMALLEST, LARGEST = 12.0, 64.0
UTILITY = ("model_utility", "model_utility")
QUALITY = ("forget_quality", "log10_forget_quality")
FLOOR = "Oracle pairs"


def draw(data: FigureData) -> Figure:
    """A line for each method; markers grow with the epoch, from the full model to the end."""
    figure = Figure(figsize=(6.0, height(3.6, len(data.methods) + 3)))
    axes = figure.add_subplot()
    look = looks(data.methods, data.oracle)
    axes.axhline(np.log10(SIGNIFICANT), color="0.45", linestyle="--", linewidth=0.8, zorder=1)
    floor = _floor(axes, data)
    for method in data.methods:
        _method(axes, data, method, look[method])
    for run in (FULL, data.oracle):
        _crosses(axes, data, run, BLACK)
    _reference(axes, _start(data), look[FULL], 44)
    _reference(axes, (data.last(data.oracle, *UTILITY).mean(), 0.0), look[data.oracle], 110)
    _frame(axes, data)
    _legend(figure, [look[run] for run in (FULL, data.oracle, *data.methods)], floor)
    return figure


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


def _method(axes: Axes, data: FigureData, method: str, look: Look) -> None:
    _crosses(axes, data, method, look.colour)
    utility, quality = data.mean(method, *UTILITY), data.mean(method, *QUALITY)
    _line(axes, _start(data), utility, quality, color=look.colour, linewidth=1.1, alpha=0.9)
    sizes = marker_sizes(len(utility.epochs), SMALLEST, LARGEST)
    marks(axes, utility.values, quality.values, sizes, look)


def _crosses(axes: Axes, data: FigureData, run: str, colour: str) -> None:
    """Intervals of both coordinates at each marker."""
    utility, quality = data.mean(run, *UTILITY), data.mean(run, *QUALITY)
    xerr = reach(utility.values, *data.interval(run, *UTILITY))
    yerr = reach(quality.values, *data.interval(run, *QUALITY))
    crosses(axes, utility.values, quality.values, colour, xerr=xerr, yerr=yerr)


def _line(axes: Axes, start: tuple, utility: Course, quality: Course, **style) -> None:
    x = np.concatenate([[start[0]], utility.values])
    y = np.concatenate([[start[1]], quality.values])
    axes.plot(x, y, zorder=3, **style)


def _reference(axes: Axes, point: tuple[float, float], look: Look, size: float) -> None:
    axes.scatter(
        *point, s=size, marker=look.marker, color=BLACK, zorder=5, clip_on=False, label=look.label
    )


def _frame(axes: Axes, data: FigureData) -> None:
    axes.set_title(f"{data.split}, {data.model}")
    axes.set_xlabel("Model Utility")
    axes.set_ylabel(r"Forget Quality (log$_{10}$ p-value)")
    axes.set_xlim(0.0, min(1.0, 1.05 * axes.dataLim.x1))
    bottom = min(axes.dataLim.y0, -2.0)
    axes.set_ylim(bottom * 1.06, -bottom * 0.04)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.annotate(
        f"p = {SIGNIFICANT}",
        (1.0, np.log10(SIGNIFICANT)),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=7,
        color="0.35",
    )


def _legend(figure: Figure, shown: list[Look], floor: Artist | None) -> None:
    """The legend, beside the axes because trajectories may go anywhere within them."""
    handles = [
        Line2D(
            [],
            [],
            color=BLACK if number < 2 else look.colour,
            marker=look.marker,
            linestyle="none" if number < 2 else "-",
            markersize=8 if look.marker == "*" else 5,
            label=look.label,
        )
        for number, look in enumerate(shown)
    ]
    handles += [floor] if floor else []
    figure.legend(handles=handles, loc="outside right center")


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
        **page.level(float(np.log10(SIGNIFICANT)), f"p = {SIGNIFICANT}"),
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
        "line": {"color": look.colour, "width": 1.5},
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
        "marker": page.marker(look, 15 if run == data.oracle else 12) | {"color": BLACK},
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
