"""Runs as courses through a plane, from the full model to their last epochs."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes

from lethe.report import interactive as page
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, looks, marker_sizes, marks

# Areas of marks in square points, of the first and the last epoch; of single models.
SMALLEST, LARGEST, SINGLE = 10.0, 44.0, 60.0
DIAGONAL = {"color": "0.45", "linestyle": "--", "linewidth": 0.8, "zorder": 1}
# The points of a run by epoch, the full model's first: [1 + epochs, 2].
Path = Callable[[str], np.ndarray]


def oracle_look(data: FigureData) -> dict[str, Look]:
    """The oracle's look, as ``draw_courses`` and ``interactive_courses`` take it."""
    return {data.oracle: looks(data.methods, data.oracle)[data.oracle]}


def draw_courses(axes: Axes, data: FigureData, path: Path, others: Mapping[str, Look]) -> None:
    """A line for each method, and the full model and ``others``, such as oracles, as marks."""
    look = looks(data.methods, data.oracle)
    for method in data.methods:
        points = path(method)
        own = look[method]
        axes.plot(*points.T, color=own.colour, linestyle=own.line, linewidth=1.1, zorder=3)
        marks(axes, *points[1:].T, marker_sizes(len(points) - 1, SMALLEST, LARGEST), own)
    for run, own in {FULL: look[FULL], **others}.items():
        style = {"marker": own.marker, "color": own.colour, "zorder": 5, "clip_on": False}
        axes.scatter(*path(run)[-1], s=SINGLE, **style)


def interactive_courses(
    data: FigureData,
    paths: Mapping[str, Path],
    others: Mapping[str, Look],
    settings: Mapping[str, str],
) -> page.Spec:
    """The same for Plotly, with a menu of what is shown; ``paths`` by the menu's names."""
    look = looks(data.methods, data.oracle)
    named = {FULL: look[FULL], **others, **{method: look[method] for method in data.methods}}
    points = {
        name: [path(run) if run in data.methods else path(run)[-1:] for run in named]
        for name, path in paths.items()
    }
    first = next(iter(points.values()))
    traces = [
        _trace(course, data, run, own, settings.get(run, ""))
        for course, (run, own) in zip(first, named.items(), strict=True)
    ]
    every = list(range(len(traces)))
    choices = {name: [_ends(some), {}, every] for name, some in points.items()}
    return {"data": traces, "layout": {"updatemenus": [page.menu(choices)]}}


def _ends(courses: list[np.ndarray]) -> page.Spec:
    return {axis: [c[:, n].round(5).tolist() for c in courses] for n, axis in enumerate("xy")}


def _trace(course: np.ndarray, data: FigureData, run: str, look: Look, settings: str) -> page.Spec:
    is_method = run in data.methods
    sizes = [5.0, *np.linspace(7, 13, len(course) - 1).tolist()] if is_method else 14
    texts = [
        page.hover(look.label + (f", epoch {number}" if number else ""), [], settings)
        for number in range(len(course))
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers" if is_method else "markers",
        "name": look.label,
        "marker": page.marker(look, sizes),
        **({"line": page.line(look)} if is_method else {}),
        "text": texts,
        "hovertemplate": "%{text}<br>%{x:.3f}, %{y:.3f}<extra></extra>",
        **{axis: some[0] for axis, some in _ends([course]).items()},
    }
