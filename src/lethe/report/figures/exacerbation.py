"""Defences that follow each other: the rise of the first risk, and updates layer by layer."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.analysis.defences import Pair, read_pairs
from lethe.common.errors import LetheError
from lethe.report import interactive as page
from lethe.report.annotations import about
from lethe.report.figures.base import FigureData
from lethe.report.labels import run_label
from lethe.report.style import BLUE, GREY, METHOD_COLOURS, METHOD_MARKERS, ORANGE, reach
from lethe.unlearn.defence import CONFLICT, FREE, RANDOM

READS = ("scores", "defences")
PAGE = {"title": "What a second defence does to the first", "place": 9}
COLOURS = {FREE: GREY, RANDOM: ORANGE, CONFLICT: BLUE}
TITLES = {"rise": "Rise of the first risk ↓", "success": "Fall of the second risk ↑"}
LABELS = {FREE: "none", RANDOM: "random", CONFLICT: "in conflict"}


def draw(data: FigureData) -> Figure:
    """The matrix of rises, the alignment of updates by layer and, if layers are frozen, bars."""
    pairs = _pairs(data)
    free = [pair for pair in pairs if pair.freezing == FREE]
    frozen = [pair for pair in pairs if pair.freezing != FREE]
    size = len({pair.first for pair in free})
    figure = Figure(figsize=(7.0, (3.0 if size < 5 else 3.6) + (2.3 if frozen else 0)))
    rows = figure.subfigures(2, 1, height_ratios=[1.4, 1]) if frozen else [figure]
    matrix, layers = rows[0].subplots(1, 2)
    _matrix(matrix, free)
    _layers(layers, free)
    if frozen:
        _bars(rows[1], pairs, {(pair.first, pair.second) for pair in frozen})
    figure.suptitle(about(data), fontsize=9)
    return figure


def _pairs(data: FigureData) -> list[Pair]:
    if not data.defences:
        raise LetheError(f"figure exacerbation: {about(data)} has no pairs; set defences.pairs")
    return read_pairs(data.defences)


def _names(pairs: Sequence[Pair], key: str) -> list[str]:
    return list(dict.fromkeys(getattr(pair, key) for pair in pairs))


def _matrix(axes: Axes, pairs: Sequence[Pair]) -> None:
    """Rows: the first defence; columns: the second; a star if the rise is beyond the spread."""
    order = list(dict.fromkeys([*_names(pairs, "first"), *_names(pairs, "second")]))
    firsts, seconds = (
        [name for name in order if name in _names(pairs, key)] for key in ("first", "second")
    )
    values = np.full((len(firsts), len(seconds)), np.nan)
    marks = {}
    for pair in pairs:
        place = firsts.index(pair.first), seconds.index(pair.second)
        values[place] = pair.mean("rise")
        shown = f"{values[place]:+.2f}".replace("-", "\N{MINUS SIGN}")
        shown = "0.00" if abs(values[place]) < 0.005 else shown
        marks[place] = f"{shown}{'*' if pair.conflicts else ''}"
    most = max(float(np.nanmax(np.abs(values))), 1e-3)
    axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
    for (row, column), text in marks.items():
        dark = abs(values[row, column]) > 0.65 * most
        style = {"color": "white" if dark else "black", "fontsize": 6.5}
        axes.text(column, row, text, ha="center", va="center", **style)
    axes.set_xticks(range(len(seconds)), map(run_label, seconds), rotation=40, ha="right")
    axes.set_yticks(range(len(firsts)), map(run_label, firsts))
    axes.tick_params(labelsize=7, length=0)
    axes.grid(False)
    axes.set_ylabel("First")
    axes.set_xlabel("Then")
    axes.set_title("Rise of the first risk (* beyond seeds)", fontsize=8)


def _layers(axes: Axes, pairs: Sequence[Pair]) -> None:
    """One line for each pair, its colour the first defence's and its marker the second's."""
    firsts, seconds = _names(pairs, "first"), _names(pairs, "second")
    for pair in pairs:
        by_layer = pair.layers["alignment"].mean(axis=0)
        colour = METHOD_COLOURS[firsts.index(pair.first) % len(METHOD_COLOURS)]
        marker = METHOD_MARKERS[seconds.index(pair.second) % len(METHOD_MARKERS)]
        style = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 0.9}
        axes.plot(range(len(by_layer)), by_layer, **style)
    _keys(axes, firsts, seconds)
    axes.axhline(0, color="0.6", linewidth=0.7, zorder=1)
    axes.set_xlabel("Layer")
    axes.set_ylabel("Cosine of both updates")
    axes.set_xticks(range(len(pairs[0].layers["alignment"][0])))


def _keys(axes: Axes, firsts: Sequence[str], seconds: Sequence[str]) -> None:
    """The legend: colours are first defences, markers second ones."""
    for number, name in enumerate(firsts):
        colour = METHOD_COLOURS[number % len(METHOD_COLOURS)]
        axes.plot([], [], color=colour, label=f"{run_label(name)}, …")
    for number, name in enumerate(seconds):
        style = {"color": "0.3", "marker": METHOD_MARKERS[number % len(METHOD_MARKERS)]}
        axes.plot([], [], linestyle="none", markersize=3.5, label=f"…, {run_label(name)}", **style)
    axes.legend(fontsize=5.5, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)


def _bars(figure, pairs: Sequence[Pair], wanted: set[tuple[str, str]]) -> None:
    """Rise of the first risk and fall of the second, by which layers are frozen."""
    panels = figure.subplots(1, 2)
    places = [(pair.first, pair.second) for pair in pairs if pair.freezing == FREE]
    places = [place for place in places if place in wanted]
    for axes, (name, title) in zip(panels, TITLES.items(), strict=True):
        for shift, kind in zip((-0.26, 0, 0.26), COLOURS, strict=True):
            by_pair = {(p.first, p.second): p for p in pairs if p.freezing == kind}
            some = [by_pair[place].values[name] for place in places]
            middle = np.array([each.mean() for each in some])
            low, high = (np.array([fold(each) for each in some]) for fold in (np.min, np.max))
            ends = reach(middle, low, high)
            style = {"color": COLOURS[kind], "label": f"frozen: {LABELS[kind]}"}
            errors = None if math.isclose(float(ends.max()), 0) else ends
            across = np.arange(len(places)) + shift
            axes.bar(across, middle, 0.24, yerr=errors, error_kw={"linewidth": 0.7}, **style)
        axes.axhline(0, color="0.6", linewidth=0.7, zorder=1)
        words = [" then\n".join(map(run_label, place)) for place in places]
        axes.set_xticks(range(len(places)), words, fontsize=6.5)
        axes.set_title(title, fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=6, ncols=len(labels), loc="outside upper center")


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """Bars of each first defence over those that follow, with a menu of rise and fall."""
    pairs = _pairs(data)
    firsts = _names(pairs, "first")
    parts = [[pair for pair in pairs if pair.first == first] for first in firsts]
    heights = {name: [_heights(part, name) for part in parts] for name in TITLES}
    traces = [
        {
            "type": "bar",
            "name": run_label(first),
            "x": [_then(pair) for pair in part],
            "marker": {"color": METHOD_COLOURS[number % len(METHOD_COLOURS)]},
            "hovertext": page.hover(run_label(first), [], settings.get(first, "")),
            "hovertemplate": "%{hovertext}<br>then %{x}: %{y:+.3f}<extra></extra>",
            **heights["rise"][number],
        }
        for number, (first, part) in enumerate(zip(firsts, parts, strict=True))
    ]
    every = list(range(len(traces)))
    choices = {
        title: [{key: [one[key] for one in heights[name]] for key in ("y", "error_y")}, {}, every]
        for name, title in TITLES.items()
    }
    axes = {"xaxis": {"title": {"text": "Then"}}, "yaxis": {"title": {"text": "Change of risk"}}}
    return {
        "data": traces,
        "layout": {"barmode": "group", "updatemenus": [page.menu(choices)], **axes},
    }


def _heights(pairs: Sequence[Pair], name: str) -> page.Spec:
    """Means over seeds, and error bars from the lowest to the highest seed."""
    seeds = [pair.values[name] for pair in pairs]
    means, low, high = (
        np.array([fold(one) for one in seeds]) for fold in (np.mean, np.min, np.max)
    )
    return {"y": page.numbers(means), "error_y": page.bars(means, low, high)}


def _then(pair: Pair) -> str:
    frozen = f" (frozen: {LABELS[pair.freezing]})" if pair.freezing != FREE else ""
    return run_label(pair.second) + frozen
