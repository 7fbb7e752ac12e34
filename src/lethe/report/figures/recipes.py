"""How it was learned: what full models with different recipes know, and what they kept.

A row for each model of the configuration; each model is named after its recipe.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.common.errors import LetheError
from lethe.report import interactive as page
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, looks
from lethe.report.table_layout import last_epochs

READS = ("scores",)
SCORES_OF = ("abstention",)
COMPARES_MODELS = True
PAGE = {"title": "How it was learned", "place": 9}
PANELS = {
    ("probability", "retain"): "Rows learned,\nprobability",
    ("probability", "world_facts"): "World facts,\nprobability",
    ("abstention", "holdout"): "Unknown people,\nabstention",
}

# How far the dots of seeds are above and below the middle of a bar.
SPREAD = 0.2


def draw(data: FigureData) -> Figure:
    """A panel for each number, a row for each model: bar, mean; dots, seeds; line, their range."""
    full = _of_full(data)
    models = list(dict.fromkeys(full["model"]))
    figure = Figure(figsize=(7.0, 1.3 + 0.24 * len(models)))
    row = figure.subplots(1, len(PANELS), sharey=True)
    for (place, title), axes in zip(PANELS.items(), row, strict=True):
        _panel(axes, [values(full, model, *place) for model in models])
        axes.set_title(title, fontsize=9)
    row[0].set_yticks(range(len(models)), [model.replace("_", " ") for model in models])
    row[0].set_ylim(len(models) - 0.4, -0.6)
    shown = models[0] if len(models) == 1 else f"{len(models)} models"
    figure.suptitle(f"{shown}, {data.split}", fontsize=9)
    figure.supxlabel("The full model, before it unlearns", fontsize=9)
    return figure


def _of_full(data: FigureData) -> pd.DataFrame:
    return _of_run(data, FULL)


def _of_run(data: FigureData, run: str) -> pd.DataFrame:
    everything = data.scores if data.of_models is None else data.of_models
    return last_epochs(everything[everything["run"] == run])


def values(full: pd.DataFrame, model: str, metric: str, name: str) -> np.ndarray:
    """The number of each seed of a model; LetheError if it was not computed."""
    rows = full[(full["model"] == model) & (full["metric"] == metric) & (full["name"] == name)]
    if rows.empty:
        raise LetheError(f"figure recipes: {model} has no {metric}.{name}; score its full model")
    return rows.sort_values("seed")["value"].to_numpy()


def _panel(axes: Axes, numbers: list[np.ndarray]) -> None:
    means = [some.mean() for some in numbers]
    axes.barh(range(len(numbers)), means, 0.62, color="0.82")
    for place, some in enumerate(numbers):
        # At different heights, since dots at the same height would hide each other.
        heights = place + np.linspace(-SPREAD, SPREAD, len(some)) * (len(some) > 1)
        axes.plot(some, heights, "o", color="C0", markersize=2.5, clip_on=False)
        if len(some) > 1:
            ends = [[some.mean() - some.min()], [some.max() - some.mean()]]
            style = {"color": "0.25", "linewidth": 1.1, "capsize": 3}
            axes.errorbar(some.mean(), place, xerr=ends, **style)
    axes.set_xlim(0.0, 1.02)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """A bar for each number and model, the mean over seeds; the legend adds unlearned models."""
    models = list(dict.fromkeys(_of_full(data)["model"]))
    bars = [
        _bars(data, run, look, models, settings.get(run, ""))
        for run, look in looks(data.methods, data.oracle).items()
    ]
    return {"data": bars, "layout": {"barmode": "group", "yaxis": {"range": [0.0, 1.02]}}}


def _bars(data: FigureData, run: str, look: Look, models: list[str], settings: str) -> page.Spec:
    scores = _of_run(data, run)
    seeds = [_seeds(scores, run, model, place) for place in PANELS for model in models]
    means, low, high = (
        np.array([fold(some) for some in seeds]) for fold in (np.mean, np.min, np.max)
    )
    titles = [title.replace("\n", " ") for title in PANELS.values() for _ in models]
    return {
        "type": "bar",
        "name": look.label,
        "x": [titles, [model.replace("_", " ") for _ in PANELS for model in models]],
        "y": page.numbers(means),
        "error_y": page.bars(means, low, high),
        "marker": {"color": look.colour},
        "visible": True if run == FULL else "legendonly",
        "hovertext": page.hover(look.label, [], settings),
        "hovertemplate": "%{hovertext}<br>%{x}: %{y:.3f}<extra></extra>",
    }


def _seeds(scores: pd.DataFrame, run: str, model: str, place: tuple[str, str]) -> np.ndarray:
    """A number of each seed. A run that a model lacks has a gap; its full model must be there."""
    there = scores[(scores["model"] == model) & (scores["metric"] == place[0])]
    if run != FULL and not (there["name"] == place[1]).any():
        return np.array([np.nan])
    return values(scores, model, *place)
