"""Forget quality and model utility against cost, as a share of training the oracle."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter, SymmetricalLogLocator

from lethe.analysis.statistics import SIGNIFICANT
from lethe.common.errors import LetheError
from lethe.report import interactive as page
from lethe.report.annotations import THRESHOLD, about, label_points, legend, name_line
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import BLACK, LOWEST, Look, crosses, height, looks, marks, reach
from lethe.report.table_layout import bracketed

PAGE = {"title": "What forgetting costs", "section": "cost", "place": 1}
READS = ("scores", "intervals", "costs")
SCORES_OF = ("forget_quality", "model_utility")
# The scale is linear between 0 and this share of the oracle's training, logarithmic above.
SMALLEST = 0.01
# Marker area in square points.
MARK = 30
# The front is as wide as a highlighter's stroke, in a colour that nothing else has.
FRONT, FRONT_COLOUR = "Pareto front", "#F0E442"
ORACLES_COST = "100% of the\noracle's cost"
QUALITY = ("forget_quality", "log10_forget_quality")
UTILITY = ("model_utility", "model_utility")
HEADING = r"Forget Quality (log$_{10}$ p-value)"
PANELS = {HEADING: QUALITY, "Model Utility": UTILITY}


def draw(data: FigureData) -> Figure:
    """One panel for each of the two goals, with a marker for each method at its last epoch."""
    figure = Figure(figsize=(7.0, height(3.4, len(data.methods) + 4)))
    look, (cost, unit) = looks(data.methods, data.oracle), costs(data)
    row = figure.subplots(1, 2)
    ends = []
    for axes, (heading, place) in zip(row, PANELS.items(), strict=True):
        points = {run: (cost[run], data.last(run, *place).mean()) for run in data.methods}
        _front(axes, list(points.values()))
        for method in data.methods:
            _method(axes, data, method, place, look[method], cost[method])
        _frame(axes, data, place, heading, unit)
        ends.append([(point, look[run]) for run, point in points.items()])
    row[0].axhline(np.log10(SIGNIFICANT), **THRESHOLD)
    name_line(row[0], f"p = {SIGNIFICANT}", y=np.log10(SIGNIFICANT))
    if unit == "compute_share":
        for axes in row:
            name_line(axes, ORACLES_COST, x=1.0)
    figure.suptitle(about(data), fontsize=9)
    handles, _ = row[0].get_legend_handles_labels()
    legend(figure, [*handles[1:], handles[0]])
    for axes, labelled in zip(row, ends, strict=True):
        label_points(axes, labelled, [point for point, _ in labelled])
    return figure


def costs(data: FigureData) -> tuple[dict[str, float], str]:
    """Compute of each method, mean over seeds, and its unit.

    The unit is ``compute_share`` of the oracle's training, or ``compute`` itself if the oracle is
    an external checkpoint, which has no cost.
    """
    if data.costs is None:
        raise LetheError("figure pareto: no costs given; add the table of costs to its inputs")
    table = data.costs
    own = table[(table["model"] == data.model) & (table["split"] == data.split)]
    own = own[own["seed"].isin(data.seeds) & own["run"].isin(data.methods)]
    unit = "compute" if own["compute_share"].isna().any() else "compute_share"
    means = own.groupby("run")[unit].mean()
    for method in data.methods:
        if method not in means:
            raise LetheError(f"figure pareto: no cost of {data.model}/{data.split}/{method}")
    return {method: float(means[method]) for method in data.methods}, unit


def front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (cost, value) points that no other point matches in both, cheapest first."""
    best, best_points = -np.inf, []
    for cost, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if value > best:
            best = value
            best_points.append((cost, value))
    return best_points


def _method(axes: Axes, data: FigureData, method: str, place, look: Look, cost: float) -> None:
    value = data.last(method, *place).mean()
    low, high = (ends[-1:] for ends in data.interval(method, *place))
    crosses(axes, [cost], [value], look.colour, yerr=reach(np.array([value]), low, high))
    marks(axes, [cost], [value], MARK, look)


def _front(axes: Axes, points: list[tuple[float, float]]) -> None:
    """A staircase: a point above it or to its left would cost less or do better than any method."""
    corners = np.array(front(points))
    axes.step(*corners.T, where="post", color=FRONT_COLOUR, linewidth=4.0, label=FRONT, zorder=1.5)


def _frame(axes: Axes, data: FigureData, place: tuple[str, str], heading: str, unit: str) -> None:
    for run, style in ((FULL, "-."), (data.oracle, "-")):
        # The oracle against itself: p = 1.
        itself = run == data.oracle and place == QUALITY
        level = 0.0 if itself else data.last(run, *place).mean()
        look = looks([], data.oracle)[run]
        style = {"color": look.colour, "linestyle": style, "linewidth": 0.9, "label": look.label}
        axes.axhline(level, zorder=1, **style)
    axes.set_ylabel(heading)
    if place == UTILITY:
        axes.set_ylim(bottom=max(axes.get_ylim()[0], LOWEST))
    if unit == "compute":
        axes.set_xscale("symlog", linthresh=1.0)
        axes.set_xlabel("Compute (tokens)")
        return
    # Methods that only change the prompt cost nothing, so the scale needs a place for 0.
    axes.set_xscale("symlog", linthresh=SMALLEST, linscale=0.5)
    axes.axvline(1.0, color=BLACK, linestyle=":", linewidth=0.9, zorder=1)
    axes.set_xlim(left=max(axes.get_xlim()[0], -0.1 * SMALLEST))
    axes.set_xlabel("Compute, share of training the oracle")
    axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=SMALLEST, subs=(1, 3)))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_minor_formatter(NullFormatter())


# On the page: the names of the two panels' axes, with what they show.
_SIDES = {"": ("Forget quality (log₁₀ p)", QUALITY), "2": ("Model utility", UTILITY)}


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """A marker of each method at its last epoch in both panels, with the Pareto fronts."""
    cost, unit = costs(data)
    look = looks(data.methods, data.oracle)
    traces = []
    for axes, (_, place) in _SIDES.items():
        traces.append(_steps([(cost[run], data.last(run, *place).mean()) for run in cost], axes))
        traces += [
            _marker(data, run, look[run], cost[run], unit, axes, settings.get(run, ""))
            for run in data.methods
        ]
    return {"data": traces, "layout": _layout(data, unit)}


def _marker(
    data: FigureData, run: str, look: Look, cost: float, unit: str, axes: str, settings: str
) -> page.Spec:
    heading, place = _SIDES[axes]
    value = data.last(run, *place).mean()
    low, high = (float(ends[-1]) for ends in data.interval(run, *place))
    spent = f"{cost:.1%} of the oracle's compute" if unit == "compute_share" else f"{cost:.0f}"
    lines = [f"{heading} {bracketed(value, low, high, 'z.3f')}", spent]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": look.label,
        "legendgroup": look.label,
        "showlegend": not axes,
        "x": [cost],
        "y": [float(value)],
        "xaxis": f"x{axes}",
        "yaxis": f"y{axes}",
        "error_y": page.bars(*map(np.atleast_1d, (value, low, high)), color=look.colour),
        "hovertext": [page.hover(page.at_the_end(data, run, look, place), lines, settings)],
        "hoverinfo": "text",
        "marker": page.marker(look, 11),
    }


def _steps(points: list[tuple[float, float]], axes: str) -> page.Spec:
    corners = [(float(cost), float(value)) for cost, value in front(points)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": FRONT,
        "legendgroup": FRONT,
        "showlegend": not axes,
        "x": [cost for cost, _ in corners],
        "y": [value for _, value in corners],
        "xaxis": f"x{axes}",
        "yaxis": f"y{axes}",
        "hoverinfo": "skip",
        "line": {"shape": "hv", "color": FRONT_COLOUR, "width": 5},
    }


def _layout(data: FigureData, unit: str) -> page.Spec:
    threshold = float(np.log10(SIGNIFICANT))
    levels = [page.level(threshold, f"p = {SIGNIFICANT}", at="bottom left")]
    for axes, (_, place) in _SIDES.items():
        # The two models may be as useful as each other: their labels are at different ends.
        for run, dash, at in (
            (FULL, "dashdot", "bottom right"),
            (data.oracle, "solid", "top left"),
        ):
            itself = run == data.oracle and place == QUALITY
            value = 0.0 if itself else float(data.last(run, *place).mean())
            levels.append(page.level(value, looks([], data.oracle)[run].label, axes, dash, at))
    share = unit == "compute_share"
    title = "Compute, share of training the oracle" if share else "Compute (tokens)"
    axis = {"title": {"text": title}, "tickformat": ".0%" if share else ""}
    heading = {axes: {"text": name} for axes, (name, _) in _SIDES.items()}
    return {
        "grid": {"rows": 1, "columns": 2, "pattern": "independent"},
        "xaxis": axis,
        "xaxis2": axis,
        "yaxis": {"title": heading[""]},
        "yaxis2": {"title": heading["2"]},
        **page.together(*levels),
    }
