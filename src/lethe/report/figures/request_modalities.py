"""What is left of a sequence of requests by text, by picture and by both (ICU-Bench)."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from lethe.analysis.sequences import METRIC, MODALITIES
from lethe.common.errors import LetheError
from lethe.report import interactive as page
from lethe.report.figures import requests
from lethe.report.figures.base import FigureData

READS = ("requests",)
ONLY_WITH = ("world.pictures",)
PAGE = {"title": "A sequence of requests, by modality", "place": 9}
BY = {"text": "by text", "picture": "by picture", "both": "by both"}
ROWS = {"now": ("The request just answered", 1), "earlier": ("Requests before it", 2)}


def draw(data: FigureData) -> Figure:
    """A column for each modality; above the request just answered, below those before it."""
    panels = _panels(data)
    columns = len(panels) // len(ROWS)
    figure = Figure(figsize=(2.3 * columns + 1, 5.0))
    places = figure.subplots(len(ROWS), columns, sharey="row", squeeze=False)
    return requests.drawn(data, figure, panels, [axes for row in places for axes in row])


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of what is drawn; means over seeds."""
    return requests.on_page(data, settings, _panels(data))


def _panels(data: FigureData) -> list[requests.Panel]:
    """LetheError if no modality was measured."""
    scores = data.scores
    there = set(scores.loc[scores["metric"] == METRIC, "name"])
    named = [name for name in MODALITIES if f"now_by_{name}" in there]
    if not named:
        raise LetheError(
            "figure request_modalities: nothing was asked with pictures; set world.pictures, or "
            "leave it out of figures"
        )
    return [
        requests.Panel(f"{row}_by_{name}", f"{title},\n{BY[name]}", None, first)
        for row, (title, first) in ROWS.items()
        for name in named
    ]
