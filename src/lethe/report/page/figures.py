"""Figures of the page: interactive if a plug-in has that form, otherwise its picture."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lethe.analysis.costs import read_costs
from lethe.analysis.intervals import read_intervals
from lethe.analysis.scores import read_scores
from lethe.report import figures
from lethe.report.figures.base import FigureData, read_lineage
from lethe.report.page.captions import caption
from lethe.report.page.data import Files, Place, Run
from lethe.report.page.scripts import as_data

# The most models with splits whose figures the page has; others are in the folder of figures.
MOST_PLACES = 6
# What figures of a sequence of requests read, and its name in place of a split.
SEQUENCE = "requests"
# Height of an interactive figure in pixels, and of its legend for each method beyond a few.
HEIGHT, FEW, EACH = 520, 18, 19
# White space for titles, sliders and menus.
_LAYOUT = {"margin": {"l": 70, "r": 20, "t": 70, "b": 60}, "paper_bgcolor": "white"}


@dataclass(frozen=True)
class PageFigure:
    """A figure of a model and a split: ``data`` for Plotly, or a ``picture`` as an address."""

    name: str
    title: str
    place: Place
    caption: Markup
    height: int
    data: Markup | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Sources:
    """What interactive figures are made from, read once."""

    run: Run
    files: Files

    @cached_property
    def _numbers(self) -> dict[str, Any]:
        costs, lineage = (self.files.tables.get(name) for name in ("cost", "lineage"))
        return {
            "scores": read_scores(self.files.scores),
            "intervals": read_intervals(self.files.intervals),
            "costs": read_costs(costs) if costs else None,
            "lineage": read_lineage(lineage) if lineage else None,
        }

    def data(self, place: Place) -> FigureData:
        """The data of a model and split."""
        numbers, run = self._numbers, self.run
        data = FigureData.of(
            numbers["scores"],
            place.model,
            place.split,
            run.methods,
            run.seeds,
            self.files.metrics,
            numbers["intervals"],
            numbers["costs"],
            run.oracle(place.split),
            numbers["lineage"],
            self.files.defences,
        )
        if not run.shares:
            return data
        return data.with_shares(numbers["scores"], run.shares, numbers["intervals"])

    def of_sequence(self, place: Place) -> FigureData:
        """The data of a model's sequence of requests."""
        run = self.run
        scores = read_scores(self.files.sequence)
        chosen = (run.sequence["methods"], run.seeds)
        return FigureData.of(scores, place.model, SEQUENCE, *chosen, oracle=run.sequence["oracle"])

    def draws(self, name: str, place: Place, data: FigureData) -> bool:
        """Whether a figure can be drawn for a model and split."""
        if not figures.is_interactive(name):
            return (name, place.model, place.split) in self.files.pictures
        read, run = figures.reads(name), self.run
        if SEQUENCE in read:
            # It shows the whole sequence, and is put with the first split.
            return self.files.sequence is not None and place.split == run.splits[0]
        if figures.compares_models(name) and place.model != run.models[0]:
            return False
        if figures.compares_shares(name) and place.split != run.splits[0]:
            return False
        if "lineage" in read and (data.lineage is None or data.lineage.empty):
            return False
        if "defences" in read and not data.defences:
            return False
        return set(figures.scores_of(name)) <= set(data.scores["metric"])


def page_figure(
    name: str, place: Place, shown: Mapping[str, Any], sources: Sources, data: FigureData
) -> PageFigure:
    """One figure of one model and split."""
    run, files = sources.run, sources.files
    text = caption(files.captions.get(name), run.world, place.model, place.split)
    height = HEIGHT + EACH * max(0, len(run.methods) - FEW)
    spec = picture = None
    if figures.is_interactive(name):
        data = sources.of_sequence(place) if SEQUENCE in figures.reads(name) else data
        made = figures.FIGURES.load(name).interactive(data, run.settings_in_words)
        spec = as_data({**made, "layout": {**_LAYOUT, "height": height, **made["layout"]}})
    else:
        picture = png_address(files.pictures[name, place.model, place.split])
    return PageFigure(name, shown["title"], place, text, height, spec, picture)


def png_address(file: str | Path) -> str:
    """A picture as a data address."""
    return "data:image/png;base64," + base64.b64encode(Path(file).read_bytes()).decode()
