"""The look of runs and sets, and the saving of figures."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.common.files import whole_file
from lethe.report.labels import FULL, RETAIN, run_label

STYLE = Path(__file__).with_name("lethe.mplstyle")

# The palette of Okabe and Ito, which colour-blind readers can tell apart as well.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8C8C8C"

_KNOWN = {
    FULL: (BLACK, "s"),
    RETAIN: (GREY, "*"),
    "grad_ascent": (BLUE, "o"),
    "grad_diff": (ORANGE, "D"),
    "idk": (GREEN, "^"),
    "kl_min": (VERMILLION, "v"),
    "npo": (PURPLE, "<"),
    "npo_retain": (SKY, ">"),
}
# For methods without a colour of their own: dark hues of Paul Tol's muted scheme, unused by known
# methods; yellow comes last because it is faint on white.
_FREE_COLOURS = ("#882255", "#332288", "#44AA99", "#999933", YELLOW)
_FREE = [(colour, marker) for marker in "phdPXH8" for colour in _FREE_COLOURS]

SET_COLOURS = {
    "world_facts": SKY,
    "real_authors": GREEN,
    "retain": BLUE,
    "forget": VERMILLION,
}


@dataclass(frozen=True)
class Look:
    """Label, colour and marker of a run; the same in every figure."""

    label: str
    colour: str
    marker: str


def height(least: float, entries: int) -> float:
    """Height in inches of a figure beside a legend of so many entries, at least ``least``."""
    return max(least, 0.3 + 0.17 * entries)


def looks(methods: Sequence[str], oracle: str = RETAIN) -> dict[str, Look]:
    """The look of ``full``, the oracle and each method.

    Known methods have fixed colours; the others take the free ones in order.
    """
    by_run = {}
    strangers = 0
    for run in dict.fromkeys((FULL, oracle, *methods)):
        if run == oracle:
            colour, marker = _KNOWN[RETAIN]
        elif run in _KNOWN:
            colour, marker = _KNOWN[run]
        else:
            colour, marker = _FREE[strangers % len(_FREE)]
            strangers += 1
        by_run[run] = Look(run_label(run), colour, marker)
    return by_run


@contextmanager
def paper() -> Iterator[None]:
    """Lethe's style on top of matplotlib's defaults, whatever the user's own matplotlibrc says."""
    with matplotlib.style.context(["default", str(STYLE)]):
        yield


def reach(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The distances of an interval's ends from the values, as error bars need them: [2, ...].

    Never below 0; NaN, for which nothing is drawn, stays NaN.
    """
    return np.maximum(np.stack([values - low, high - values]), 0.0)


def marker_sizes(epochs: int, smallest: float, largest: float) -> np.ndarray:
    """Strictly growing marker areas, one for each epoch; a single epoch has the largest."""
    return np.linspace(largest, smallest, epochs)[::-1]


def marks(axes: Axes, x, y, area: float | np.ndarray, look: Look) -> None:
    """The markers of a run; areas are in square points."""
    axes.scatter(
        x,
        y,
        s=area,
        marker=look.marker,
        color=look.colour,
        edgecolors="white",
        linewidths=0.4,
        zorder=4,
        clip_on=False,
        label=look.label,
    )


def crosses(axes: Axes, x, y, colour: str, **errors: np.ndarray) -> None:
    """Error bars of ``xerr`` and ``yerr`` at markers, light because there are many."""
    axes.errorbar(x, y, **errors, fmt="none", ecolor=colour, elinewidth=0.7, alpha=0.55, zorder=2)


def save(figure: Figure, pdf: str | os.PathLike, png: str | os.PathLike) -> None:
    """Write a figure as PDF and PNG: both or neither, and the same bytes for the same figure."""
    with whole_file(pdf) as pdf_file, whole_file(png) as png_file:
        # With a date or a version in the file, two equal runs would have different figures.
        figure.savefig(
            pdf_file,
            format="pdf",
            metadata={"CreationDate": None, "Creator": None, "Producer": None},
        )
        figure.savefig(png_file, format="png", metadata={"Software": None})
