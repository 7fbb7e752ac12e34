"""Figures, one module each, looked up by name: ``draw(data) -> matplotlib.figure.Figure``.

A new figure is a new file in this folder. Nothing here uses pyplot: figures are plain objects.
A figure reads the scores, the intervals and the truth ratio files, unless a literal constant says
otherwise:

    READS = ("scores", "costs")     "scores", "intervals", "costs", "defences" (the files of
                                    their pairs), "lineage" (the table of that name),
                                    "supervisions" (graphs that models made), or a
                                    metric, for its files; "requests": the scores of a sequence
                                    of requests instead, of which it then is
    SCORES_OF = ("metric",)         metrics of which it needs scores: they must be listed, and it is
                                    drawn of the splits on which they are computed
    ONLY_WITH = ("world.pictures",) refused if one of these keys of the configuration is empty
    COMPARES_MODELS = True          drawn once, of all models, beside the figures of the first
    COMPARES_SHARES = True          drawn once for each model, of its splits by the share of facts
                                    that they forget, beside the figures of the first split
    PAGE = {"title": "Cost"}        how the page shows it (``lethe.report.presentation``)

On the page it is interactive if it has ``interactive(data, settings) -> dict``, a description for
Plotly (``lethe.report.interactive``); otherwise the page shows the picture. ``settings`` are those
of each method, in words.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.registry import Registry, suggest
from lethe.report.presentation import presentation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lethe.report.figures.base import FigureData

KINDS = ("scores", "intervals", "costs", "defences", "lineage", "supervisions", "requests")


@dataclass(frozen=True)
class Contract:
    """What a figure declares."""

    reads: tuple[str, ...] = ("scores", "intervals", "truth_ratio")
    scores_of: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    compares_models: bool = False
    compares_shares: bool = False
    page: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        presentation(self.page, "", "figures")
        known = (*KINDS, *metrics.names())
        for read in self.reads:
            if read not in known:
                raise LetheError(f"READS: unknown {read!r}{suggest(read, known)}")


FIGURES = Registry(__name__, "figure", Contract)
names = FIGURES.names


def reads(name: str) -> Sequence[str]:
    """What a figure reads, taken from its source: importing it would load matplotlib."""
    return FIGURES.contract(name).reads


def scores_of(name: str) -> Sequence[str]:
    """The metrics whose scores the figure needs."""
    return FIGURES.contract(name).scores_of


def only_with(name: str) -> Sequence[str]:
    """The keys of the configuration that must not be empty for the figure to be drawn."""
    return FIGURES.contract(name).only_with


def compares_models(name: str) -> bool:
    """Whether one figure shows all models."""
    return FIGURES.contract(name).compares_models


def compares_shares(name: str) -> bool:
    """Whether one figure shows all splits of a model."""
    return FIGURES.contract(name).compares_shares


def page(name: str) -> dict[str, Any]:
    """How the page shows the figure."""
    return presentation(FIGURES.contract(name).page, name, "figures")


def is_interactive(name: str) -> bool:
    """Whether the page has more of the figure than its picture."""
    return "interactive" in FIGURES.functions(name)


def draw(name: str, data: "FigureData") -> "Figure":
    """The figure ``name``, in Lethe's style."""
    from lethe.report import style

    figure = FIGURES.load(name)
    with style.paper():
        return figure.draw(data)


def render(name: str, data: "FigureData", pdf: str | os.PathLike, png: str | os.PathLike) -> None:
    """Draw the figure ``name`` and write it as PDF and PNG."""
    from lethe.report import style

    figure = draw(name, data)
    # Save in the same style: fonts are embedded and ticks are placed only when saving.
    with style.paper():
        style.save(figure, pdf, png)
