"""ROUGE, probability and truth ratio on the four sets, against unlearning steps."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation, Transform

from lethe.report import interactive as page
from lethe.report.annotations import about
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL, SETS, run_label
from lethe.report.style import LOWEST, SET_COLOURS, Look, looks
from lethe.report.table_layout import bracketed

PAGE = {"title": "The course of unlearning on each set", "place": 2}
SCORES_OF = ("probability", "rouge", "truth_ratio")
COLUMNS = {"rouge": "ROUGE", "probability": "Probability", "truth_ratio": "Truth Ratio"}
MOST_TICKS = 6
# How far each set's values are moved up, in points, so that equal lines are side by side.
MOVED = {"world_facts": -0.9, "forget": -0.3, "retain": 0.3, "real_authors": 0.9}
# The ends of the horizontal axes, as shares of the last step.
MARGIN = np.array([-0.04, 1.04])
MARKERS = {"world_facts": "^", "real_authors": "s", "retain": "D", "forget": "o"}
ORACLE = {"color": SET_COLOURS["forget"], "linestyle": ":", "linewidth": 1.0}


def draw(data: FigureData) -> Figure:
    """A row of three panels for each method; step 0 is the full model."""
    rows = len(data.methods)
    figure = Figure(figsize=(7.0, 0.75 + 1.25 * rows))
    grid = figure.subplots(rows, len(COLUMNS), sharex=True, sharey=True, squeeze=False)
    for method, panels in zip(data.methods, grid, strict=True):
        for metric, axes in zip(COLUMNS, panels, strict=True):
            _panel(axes, data, method, metric)
        panels[0].set_ylabel(run_label(method))
    for title, axes in zip(COLUMNS.values(), grid[0], strict=True):
        axes.set_title(title)
    grid[0][0].set_ylim(LOWEST, 1.03)
    grid[0][0].set_yticks([0.0, 0.5, 1.0])
    grid[0][0].set_xticks(step_ticks(data))
    grid[0][0].set_xlim(*MARGIN * last_step(data))
    figure.supxlabel("Unlearning Steps", fontsize=9)
    _legend(figure, data)
    return figure


def _panel(axes: Axes, data: FigureData, method: str, metric: str) -> None:
    oracle = axes.axhline(data.last(data.oracle, metric, "forget").mean(), zorder=2, **ORACLE)
    oracle.set_transform(_moved(axes, "forget", axes.get_yaxis_transform()))
    for name, label in SETS.items():
        course, (low, high) = data.mean(method, metric, name), data.interval(method, metric, name)
        start, (start_low, start_high) = _start(data, metric, name)
        steps = np.concatenate([[0], course.steps])
        order = 4 if name == "forget" else 3
        axes.fill_between(
            steps,
            np.concatenate([start_low, low]),
            np.concatenate([start_high, high]),
            color=SET_COLOURS[name],
            alpha=0.25,
            linewidth=0,
            zorder=order - 2,
            transform=_moved(axes, name),
        )
        axes.plot(
            steps,
            np.concatenate([[start], course.values]),
            color=SET_COLOURS[name],
            label=label,
            marker=MARKERS[name],
            markersize=2.2,
            linewidth=0.9,
            zorder=order,
            transform=_moved(axes, name),
        )


def _moved(axes: Axes, name: str, base: Transform | None = None) -> Transform:
    """The coordinates in which a set is drawn; by default from those of the data."""
    move = ScaledTranslation(0, MOVED[name] / 72, axes.figure.dpi_scale_trans)
    return (base or axes.transData) + move


def _start(data: FigureData, metric: str, name: str) -> tuple[float, tuple]:
    """Value and interval of the full model."""
    return data.last(FULL, metric, name).mean(), data.interval(FULL, metric, name)


def last_step(data: FigureData) -> int:
    return max(data.mean(method, "rouge", "forget").steps[-1] for method in data.methods)


def step_ticks(data: FigureData) -> list[int]:
    """Step 0 and the ends of epochs, thinned out to few."""
    steps = {0}
    for method in data.methods:
        steps |= set(data.mean(method, "rouge", "forget").steps.tolist())
    ordered = sorted(steps)
    return ordered[:: math.ceil(len(ordered) / MOST_TICKS)]


def _legend(figure: Figure, data: FigureData) -> None:
    handles = [
        Line2D([], [], color=SET_COLOURS[name], marker=MARKERS[name], markersize=2.2, label=label)
        for name, label in SETS.items()
    ]
    handles.append(
        Line2D([], [], label=f"{SETS['forget']} ({run_label(data.oracle)} model)", **ORACLE)
    )
    figure.legend(
        handles=handles, title=about(data), loc="outside upper center", ncols=len(handles)
    )


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """A line for each method over its epochs; a menu chooses the measure and the set."""
    look = looks(data.methods, data.oracle)
    choices = [(metric, name) for name in ("forget", *SETS) for metric in COLUMNS]
    shown = {place: _lines(data, place, look, settings) for place in dict.fromkeys(choices)}
    headings = {place: f"{COLUMNS[place[0]]}, {SETS[place[1]]}" for place in shown}
    buttons = {headings[place]: _choice(lines, headings[place]) for place, lines in shown.items()}
    first = next(iter(shown))
    layout = {
        "xaxis": {"title": {"text": "Epoch"}, "dtick": 1},
        "yaxis": {"title": {"text": headings[first]}, "range": [LOWEST, 1.03]},
        "updatemenus": [page.menu(buttons)],
    }
    return {"data": shown[first], "layout": layout}


def _choice(lines: list[page.Spec], heading: str) -> list:
    """What the menu changes: the values of all lines, and the axis' title."""
    values = {key: [line[key] for line in lines] for key in ("y", "hovertext")}
    return [values, {"yaxis.title.text": heading}]


def _lines(
    data: FigureData, place: tuple[str, str], look: Mapping[str, Look], settings: Mapping[str, str]
) -> list[page.Spec]:
    """The methods' lines from the full model on, and the oracle's level."""
    start = float(data.last(FULL, *place).mean())
    lines = [
        _line(data, place, run, look[run], start, settings.get(run, "")) for run in data.methods
    ]
    value = float(data.last(data.oracle, *place).mean())
    last = max(line["x"][-1] for line in lines) if lines else 1
    oracle = {
        "type": "scatter",
        "mode": "lines",
        "name": look[data.oracle].label,
        "x": [0, last],
        "y": [value, value],
        "hovertext": [page.hover(look[data.oracle].label, [f"{value:.3f}"])] * 2,
        "hoverinfo": "text",
        "line": page.line(look[data.oracle]) | {"dash": "dot"},
    }
    return [*lines, oracle]


def _line(
    data: FigureData, place: tuple[str, str], run: str, look: Look, start: float, settings: str
) -> page.Spec:
    course, (low, high) = data.mean(run, *place), data.interval(run, *place)
    numbers = zip(course.epochs, course.values, low, high, strict=True)
    texts = [
        page.hover(f"{look.label}, epoch {epoch}", [bracketed(*ends, ".3f")], settings)
        for epoch, *ends in numbers
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": look.label,
        "x": [0, *course.epochs.tolist()],
        "y": [start, *course.values.tolist()],
        "hovertext": [page.hover(look.label, [f"full model: {start:.3f}"]), *texts],
        "hoverinfo": "text",
        "line": page.line(look),
        "marker": page.marker(look, 8),
    }
