"""The nine numbers of model utility, a bar for each run."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lethe.report import interactive as page
from lethe.report.figures.base import FigureData
from lethe.report.labels import SETS, UTILITY_SETS
from lethe.report.style import Look, looks, reach
from lethe.report.table_layout import bracketed

PAGE = {"title": "The nine numbers of model utility", "place": 4}
PANELS = {"probability": "Probability", "rouge": "ROUGE", "truth_ratio": "Truth Ratio"}
# The share of a group's width that its bars fill.
FILLED = 0.84


def draw(data: FigureData) -> Figure:
    """One panel for each measure, with a group of bars for each set, at each run's last epoch."""
    look = looks(data.methods)
    figure = Figure(figsize=(7.0, 2.7))
    row = figure.subplots(1, len(PANELS), sharey=True)
    for (metric, title), axes in zip(PANELS.items(), row, strict=True):
        _panel(axes, data, metric, look)
        axes.set_title(title)
    row[0].set_ylim(0.0, 1.05)
    row[0].set_ylabel("Value at the last epoch")
    _legend(figure, list(look.values()))
    return figure


def _panel(axes: Axes, data: FigureData, metric: str, look: dict[str, Look]) -> None:
    width = FILLED / len(look)
    centres = np.arange(len(UTILITY_SETS))
    for number, (run, shown) in enumerate(look.items()):
        values = np.array([data.last(run, metric, name).mean() for name in UTILITY_SETS])
        ends = [data.interval(run, metric, name) for name in UTILITY_SETS]
        low, high = np.array([(low[-1], high[-1]) for low, high in ends]).T
        axes.bar(
            centres + (number - (len(look) - 1) / 2) * width,
            values,
            width,
            yerr=reach(values, low, high),
            error_kw={"elinewidth": 0.6, "ecolor": "0.25"},
            color=shown.colour,
            edgecolor="white",
            label=shown.label,
        )
    names = [SETS[name].replace(" ", "\n") for name in UTILITY_SETS]
    axes.set_xticks(centres, names, linespacing=0.9)
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")


def _legend(figure: Figure, shown: list[Look]) -> None:
    handles = [Patch(color=look.colour, label=look.label) for look in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 4))


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """A bar of each run for each of the nine numbers; runs can be hidden in the legend."""
    look = looks(data.methods, data.oracle)
    bars = [_bars(data, run, shown, settings.get(run, "")) for run, shown in look.items()]
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
    texts = [
        page.hover(look.label, [f"{metric}, {name}: {bracketed(*ends, '.3f')}"], settings)
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
        "marker": {"color": look.colour},
    }
