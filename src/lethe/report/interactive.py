"""Code shared by figures of the page: plain descriptions in Plotly's JSON format.

A figure's ``interactive(data, settings)`` returns ``{"data": traces, "layout": layout}``. Nothing
here imports Plotly: its script draws the description in the browser.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from lethe.common.characters import shown
from lethe.report.figures.base import FigureData
from lethe.report.style import GREY, Look

# matplotlib's markers by Plotly's names.
SYMBOLS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "d": "diamond-tall",
    "^": "triangle-up",
    "v": "triangle-down",
    "<": "triangle-left",
    ">": "triangle-right",
    "*": "star",
    "p": "pentagon",
    "h": "hexagon",
    "H": "hexagon2",
    "8": "octagon",
    "P": "cross",
    "X": "x",
}
# matplotlib's lines by Plotly's names.
DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}
# Characters of a line of settings in what a pointer shows.
WIDTH = 60

Spec = dict[str, Any]


def marker(look: Look, size: float | Sequence[float] = 9) -> Spec:
    """The marker of a run, as static figures have it; the size is in pixels."""
    edge = {"color": "white", "width": 0.7}
    symbol = SYMBOLS.get(look.marker, "circle")
    return {"color": look.colour, "symbol": symbol, "size": size, "line": edge}


def line(look: Look) -> Spec:
    """The line of a run, as static figures have it."""
    return {"color": look.colour, "width": 1.5, "dash": DASHES[look.line]}


def hover(label: str, lines: Sequence[str], settings: str = "") -> str:
    """What a pointer shows: the run in bold, a line for each number, then the run's settings."""
    more = [f"<i>{_text(line)}</i>" for line in _wrapped(settings)]
    return "<br>".join([f"<b>{_text(label)}</b>", *map(_text, lines), *more])


def at_the_end(data: FigureData, run: str, look: Look, place: tuple[str, str]) -> str:
    """The label of a run and, for a method, the last epoch that has the value ``place``."""
    if run not in data.methods:
        return look.label
    return f"{look.label}, epoch {data.mean(run, *place).epochs[-1]}"


def _text(text: str) -> str:
    """``text`` as Plotly shows it: without markup, its control characters escaped."""
    return escape(shown(text))


def _wrapped(settings: str) -> list[str]:
    lines = [""]
    for part in settings.split(", ") if settings else ():
        if lines[-1] and len(lines[-1]) + len(part) > WIDTH:
            lines.append("")
        lines[-1] += f", {part}" if lines[-1] else part
    return [line for line in lines if line]


def bars(values: np.ndarray, low: np.ndarray, high: np.ndarray, **look: Any) -> Spec:
    """Error bars between ``low`` and ``high``; none where they are NaN."""
    ends = [np.nan_to_num(np.maximum(one, 0.0)) for one in (high - values, values - low)]
    above, below = (end.tolist() for end in ends)
    return {"type": "data", "array": above, "arrayminus": below, "thickness": 1, "width": 2, **look}


def level(
    value: float, label: str, axes: str = "", dash: str = "dash", at: str = "top left"
) -> Mapping[str, list]:
    """A horizontal line across a panel, with its label: ``shapes`` and ``annotations``.

    ``at``: the label's place, above (``top``) or below (``bottom``) the line, left or right.
    """
    above, side = at.split()
    line = {
        "type": "line",
        "xref": f"x{axes} domain",
        "yref": f"y{axes}",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": GREY, "width": 1, "dash": dash},
    }
    text = {
        "xref": f"x{axes} domain",
        "yref": f"y{axes}",
        "x": 0 if side == "left" else 1,
        "y": value,
        "xanchor": side,
        "yanchor": "bottom" if above == "top" else "top",
        "text": _text(label),
        "showarrow": False,
        "font": {"size": 11, "color": "#444"},
    }
    return {"shapes": [line], "annotations": [text]}


def together(*parts: Mapping[str, list]) -> dict[str, list]:
    """Lines and labels of several ``level``."""
    keys = ("shapes", "annotations")
    return {key: [one for part in parts for one in part.get(key, [])] for key in keys}


def epoch_slider(epochs: Sequence[int], changes: Sequence[Spec], traces: int, said: str) -> Spec:
    """A slider that redraws the first ``traces`` traces: ``changes`` are those of each epoch."""
    steps = [
        {"label": str(epoch), "method": "restyle", "args": [change, list(range(traces))]}
        for epoch, change in zip(epochs, changes, strict=True)
    ]
    return {
        "active": len(steps) - 1,
        "currentvalue": {"prefix": said},
        "pad": {"t": 55, "b": 5},
        "steps": steps,
    }


def menu(choices: Mapping[str, list]) -> Spec:
    """A menu of what to show: the arguments of Plotly's ``update`` by their names."""
    buttons = [{"label": name, "method": "update", "args": args} for name, args in choices.items()]
    place = {"x": 0, "xanchor": "left", "y": 1.14, "yanchor": "bottom"}
    return {"buttons": buttons, "direction": "down", **place}


def courses(
    shown: Mapping[str, Mapping[str, np.ndarray]],
    look: Mapping[str, Look],
    settings: Mapping[str, str],
) -> Spec:
    """A line for each run, with a menu of what is shown; ``shown[title][run]`` is [points, 2].

    A single point is a mark; where a value is NaN, the line has a gap.
    """
    points = {title: [_places(by_run[run]) for run in look] for title, by_run in shown.items()}
    first = next(iter(points.values()))
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": own.label,
            "marker": marker(own),
            "line": line(own),
            "text": hover(own.label, [], settings.get(run, "")),
            "hovertemplate": "%{text}<br>%{x}: %{y:.3f}<extra></extra>",
            **places,
        }
        for (run, own), places in zip(look.items(), first, strict=True)
    ]
    every = list(range(len(traces)))
    choices = {
        title: [{axis: [one[axis] for one in some] for axis in "xy"}, {}, every]
        for title, some in points.items()
    }
    return {"data": traces, "layout": {"updatemenus": [menu(choices)]}}


def _places(course: np.ndarray) -> dict[str, list]:
    return {axis: numbers(course[:, place]) for place, axis in enumerate("xy")}


def numbers(values: np.ndarray) -> list[float | None]:
    """Values as JSON has them: rounded, None for NaN."""
    return [None if np.isnan(value) else round(float(value), 5) for value in values]
