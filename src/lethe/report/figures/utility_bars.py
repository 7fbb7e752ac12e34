"""The nine numbers of model utility, a bar for each run."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lethe.report import interactive as page
from lethe.report.annotations import about
from lethe.report.figures.base import FigureData
from lethe.report.labels import SETS, UTILITY_SETS
from lethe.report.style import LOWEST, Look, looks, reach
from lethe.report.table_layout import bracketed

PAGE = {"title": "The nine numbers of model utility", "place": 4}
SCORES_OF = ("probability", "rouge", "truth_ratio")
PANELS = {"probability": "Probability", "rouge": "ROUGE", "truth_ratio": "Truth Ratio"}
# The share of a group's width that its bars fill.
FILLED = 0.84
# Patterns of bars by Plotly's names; "" is none.
PATTERNS = ("", "/", "x", "-", "|", "+", ".", "\\")
# More methods than these have their bars in rows, each row named.
MOST_UPRIGHT = 10


def draw(data: FigureData) -> Figure:
    """One panel for each measure, with a group of bars for each set, at each run's last epoch.

    Every bar has a foot below 0, so that a bar of 0 can be seen. For many runs there is a panel for
    each measure and set, with a row for each run.
    """
    if len(data.methods) > MOST_UPRIGHT:
        return _rows(data)
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(7.0, 2.9))
    row = figure.subplots(1, len(PANELS), sharey=True)
    for (metric, title), axes in zip(PANELS.items(), row, strict=True):
        _panel(axes, data, metric, look)
        axes.set_title(title)
    row[0].set_ylim(LOWEST, 1.05)
    row[0].set_ylabel("Value at the last epoch")
    _legend(figure, list(look.values()), about(data))
    return figure


def _rows(data: FigureData) -> Figure:
    """A row for each run, a panel for each of the nine numbers."""
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(7.0, 1.1 + 0.145 * len(look)))
    columns = [(metric, name) for metric in PANELS for name in UTILITY_SETS]
    row = figure.subplots(1, len(columns), sharex=True, sharey=True)
    places, colours = np.arange(len(look)), [shown.colour for shown in look.values()]
    for (metric, name), axes in zip(columns, row, strict=True):
        values, errors = _values(data, list(look), metric, name)
        axes.barh(places, LOWEST, 0.8, color=colours)
        error_kw = {"elinewidth": 0.6, "ecolor": "0.25"}
        axes.barh(places, values, 0.8, xerr=errors, error_kw=error_kw, color=colours)
        axes.axvline(0.0, color="0.2", linewidth=0.5)
        axes.set_title(f"{PANELS[metric]}\n{SETS[name]}", fontsize=7)
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
    row[0].set_xlim(LOWEST, 1.05)
    row[0].set_xticks([0.0, 0.5, 1.0], ["0", "0.5", "1"])
    row[0].set_yticks(places, [shown.label for shown in look.values()], fontsize=7)
    row[0].set_ylim(len(look) - 0.4, -0.6)
    figure.suptitle(about(data), fontsize=9)
    figure.supxlabel("Value at the last epoch", fontsize=9)
    return figure


def _values(data: FigureData, runs: list[str], metric: str, name: str) -> tuple[np.ndarray, ...]:
    """A number of each run, and the reach of its interval: [runs] and [2, runs]."""
    values = np.array([data.last(run, metric, name).mean() for run in runs])
    ends = [data.interval(run, metric, name) for run in runs]
    return values, reach(values, *np.array([(low[-1], high[-1]) for low, high in ends]).T)


def _panel(axes: Axes, data: FigureData, metric: str, look: dict[str, Look]) -> None:
    width = FILLED / len(look)
    centres = np.arange(len(UTILITY_SETS))
    numbers = [_values(data, list(look), metric, name) for name in UTILITY_SETS]
    values, errors = np.array([v for v, _ in numbers]), np.array([e for _, e in numbers])
    for number, shown in enumerate(look.values()):
        places = centres + (number - (len(look) - 1) / 2) * width
        axes.bar(places, LOWEST, width, color=shown.colour, edgecolor="white")
        axes.bar(
            places,
            values[:, number],
            width,
            yerr=errors[:, :, number].T,
            error_kw={"elinewidth": 0.6, "ecolor": "0.25"},
            color=shown.colour,
            edgecolor="white",
            label=shown.label,
        )
    axes.axhline(0.0, color="0.2", linewidth=0.5)
    names = [SETS[name].replace(" ", "\n") for name in UTILITY_SETS]
    axes.set_xticks(centres, names, linespacing=0.9)
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")


def _legend(figure: Figure, shown: list[Look], title: str) -> None:
    handles = [Patch(color=look.colour, label=look.label) for look in shown]
    columns = min(len(handles), 4)
    figure.legend(handles=handles, title=title, loc="outside upper center", ncols=columns)


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """A bar of each run for each of the nine numbers; runs can be hidden in the legend."""
    look = looks(data.methods, data.oracle)
    bars = [
        _bars(data, run, shown, settings.get(run, "")) | {"marker": _filled(shown, number)}
        for number, (run, shown) in enumerate(look.items())
    ]
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": ""}},
        "yaxis": {"title": {"text": "Value at the last epoch"}, "range": [0.0, 1.05]},
    }
    return {"data": bars, "layout": layout}


def _bars(data: FigureData, run: str, look: Look, settings: str) -> page.Spec:
    places = [(metric, name) for metric in PANELS for name in UTILITY_SETS]
    values = np.array([data.last(run, *place).mean() for place in places])
    ends = [data.interval(run, *place) for place in places]
    low, high = np.array([(low[-1], high[-1]) for low, high in ends]).T
    names = [[PANELS[metric] for metric, _ in places], [SETS[name] for _, name in places]]
    numbers = zip(*names, values, low, high, strict=True)
    named = page.at_the_end(data, run, look, places[0])
    texts = [
        page.hover(named, [f"{metric}, {name}: {bracketed(*ends, '.3f')}"], settings)
        for metric, name, *ends in numbers
    ]
    return {
        "type": "bar",
        "name": look.label,
        "x": names,
        "y": values.tolist(),
        "error_y": page.bars(values, low, high, color="#444"),
        "hovertext": texts,
        "hoverinfo": "text",
    }


def _filled(look: Look, number: int) -> page.Spec:
    """The filling of a run's bars; neighbouring bars also differ without colours."""
    pattern = {"shape": PATTERNS[number % len(PATTERNS)], "size": 6, "solidity": 0.2}
    pattern |= {"fillmode": "overlay", "fgcolor": "white"}
    return {"color": look.colour, "pattern": pattern}
