"""How it was learned: what full models that learned by different recipes know, and what they kept.

A row for each model of the configuration; its recipe is what the model is named for.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.common.errors import LetheError
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
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


def draw(data: FigureData) -> Figure:
    """A panel for each number, a row for each model: a dot for each seed, a bar for the mean."""
    full = _of_full(data)
    models = list(dict.fromkeys(full["model"]))
    figure = Figure(figsize=(7.0, 1.3 + 0.24 * len(models)))
    row = figure.subplots(1, len(PANELS), sharey=True)
    for (place, title), axes in zip(PANELS.items(), row, strict=True):
        _panel(axes, [values(full, model, *place) for model in models])
        axes.set_title(title, fontsize=9)
    row[0].set_yticks(range(len(models)), [model.replace("_", " ") for model in models])
    row[0].set_ylim(len(models) - 0.4, -0.6)
    figure.suptitle(f"full, before unlearning {data.split}", fontsize=9)
    return figure


def _of_full(data: FigureData) -> pd.DataFrame:
    everything = data.scores if data.of_models is None else data.of_models
    return last_epochs(everything[everything["run"] == FULL])


def values(full: pd.DataFrame, model: str, metric: str, name: str) -> np.ndarray:
    """The number of each seed of a model; LetheError where it was not computed."""
    rows = full[(full["model"] == model) & (full["metric"] == metric) & (full["name"] == name)]
    if rows.empty:
        raise LetheError(f"figure recipes: {model} has no {metric}.{name}; score its full model")
    return rows.sort_values("seed")["value"].to_numpy()


def _panel(axes: Axes, numbers: list[np.ndarray]) -> None:
    means = [some.mean() for some in numbers]
    axes.barh(range(len(numbers)), means, 0.62, color="0.82")
    for place, some in enumerate(numbers):
        axes.plot(some, [place] * len(some), "o", color="C0", markersize=3.5, clip_on=False)
    axes.set_xlim(0.0, 1.02)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
