"""Generations of models that learn from models: what they know, and how similar their words are."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lethe.common.errors import LetheError
from lethe.report import interactive as page
from lethe.report.annotations import about, legend
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, looks

READS = ("scores", "lineage")
SCORES_OF = ("surface",)
PAGE = {"title": "Generations", "place": 10}
PANELS = {
    "probability": "True answer,\nprobability",
    "fact_recall": "Facts told,\nshare of novel words",
    "ngram_overlap": "Words in common,\nshare of runs of 4",
}
MARKS = {"tainted": "x", "clean": "o"}
SYMBOLS = {"tainted": "x", "clean": "circle"}
ACROSS = "Generation (0: the run itself). Cross: tainted, dot: not"


def draw(data: FigureData) -> Figure:
    """A panel for each number, a line for each run over its states; crosses: tainted."""
    look = looks(data.methods, data.oracle)
    runs = (FULL, data.oracle, *data.methods)
    figure = Figure(figsize=(7.0, 2.9))
    row = figure.subplots(1, len(PANELS), sharex=True)
    for axes, (name, title) in zip(row, PANELS.items(), strict=True):
        for run in runs:
            _line(axes, generations(data, run), name, look[run])
        axes.set_title(title, fontsize=8)
        axes.set_ylim(bottom=0.0)
    row[0].set_xticks(range(max(len(generations(data, run)) for run in runs)))
    figure.supxlabel(ACROSS, fontsize=8)
    legend(figure, [_handle(look[run]) for run in runs], title=about(data))
    return figure


def _handle(look: Look) -> Line2D:
    """A run's line without a mark: marks tell who is tainted."""
    return Line2D([], [], color=look.colour, linestyle=look.line, label=look.label)


def _line(axes: Axes, part: pd.DataFrame, name: str, look: Look) -> None:
    places, values = np.arange(len(part)), part[name].to_numpy()
    axes.plot(places, values, color=look.colour, linestyle=look.line, linewidth=1.1)
    for place, value, taint in zip(places, values, part["taint"], strict=True):
        axes.plot(place, value, MARKS.get(taint, "d"), color=look.colour, markersize=5)


def generations(data: FigureData, run: str) -> pd.DataFrame:
    """A run and its states, in their order."""
    if data.lineage is None:
        raise LetheError(f"figure lineage: {about(data)} has no table of lineage; make it first")
    return data.lineage[data.lineage["run"] == run]


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of the three numbers."""
    look = looks(data.methods, data.oracle)
    parts = {run: generations(data, run) for run in look}
    shown = {
        title.replace("\n", " "): {
            run: np.column_stack([np.arange(len(part)), part[name]]) for run, part in parts.items()
        }
        for name, title in PANELS.items()
    }
    made = page.courses(shown, look, settings)
    for trace, part in zip(made["data"], parts.values(), strict=True):
        trace["marker"]["symbol"] = [SYMBOLS.get(taint, "diamond") for taint in part["taint"]]
    axes = {"xaxis": {"title": {"text": ACROSS}, "dtick": 1}, "yaxis": {"rangemode": "tozero"}}
    return {**made, "layout": {**made["layout"], **axes}}
