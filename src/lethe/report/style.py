"""The look of runs and sets, and the saving of figures."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lethe.common.files import whole_file
from lethe.report.labels import FULL, RETAIN, run_label

STYLE = Path(__file__).with_name("lethe.mplstyle")

# The palette of Okabe and Ito, which colour-blind readers can tell apart as well.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8C8C8C"

# One colour stands for one thing in all figures: black for the full model, grey for the oracle,
# these ten for methods, ``SET_COLOURS`` for sets of questions. Those that Okabe and Ito do not have
# were chosen far from all the others in OKLab, for colour-blind readers as well.
METHOD_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)
METHOD_COLOURS += ("#6A3CF0", "#999933", "#B01080", "#78CC78")
METHOD_MARKERS = "oD^v<>pPhXd8"
LINES = ("-", "--", "-.", ":")
# This many looks differ in colour or marker; as many again with each further line.
_FIRST = len(METHOD_COLOURS) * len(METHOD_MARKERS)
_PLACES = _FIRST * len(LINES)
# Known methods have the first places, in this order: a new one goes to the end.
_KNOWN = ("grad_ascent", "grad_diff", "idk", "kl_min", "npo", "npo_retain", "npo_kl", "dpo")
_KNOWN += ("simnpo", "altpo", "undial", "ce_u", "wga", "satimp", "pdu", "whp", "rmu", "ofmu", "msa")
_KNOWN += ("task_vector", "zero_unlearn", "guard_it", "icul", "prompt")
_KNOWN += ("eco", "uld", "cap", "tpo")
_KNOWN += ("uls", "zero_unlearn_gd", "contrastive", "asru")
_KNOWN += ("lira", "adlira", "mdu")

# Axes of values that are never negative begin at least here, so that a mark at 0 is not cut.
LOWEST = -0.02

SET_COLOURS = {
    "world_facts": "#9C78FC",
    "real_authors": "#785400",
    "retain": "#332288",
    "forget": "#882255",
}


@dataclass(frozen=True)
class Look:
    """Label, colour, marker and line of a run; the same in every figure.

    Marker and line are matplotlib's codes.
    """

    label: str
    colour: str
    marker: str
    line: str = "-"


def height(least: float, entries: int) -> float:
    """Height in inches of a figure beside a legend of ``entries`` entries, at least ``least``."""
    return max(least, 0.3 + 0.17 * entries)


def looks(methods: Iterable[str], oracle: str = RETAIN) -> dict[str, Look]:
    """The look of ``full``, the oracle and each method, in this order; no two are alike.

    The look depends on the run's name: known methods have places of their own, the name of any
    other run gives it one of the rest. Only if two such names give the same place, the second in
    alphabetical order has the next that is free. Up to 120 runs differ in colour or marker.
    """
    runs = tuple(dict.fromkeys((FULL, oracle, *methods)))
    fixed = {oracle: (GREY, "*", "-"), FULL: (BLACK, "s", "-")}
    places = _places([run for run in runs if run not in fixed])
    return {run: Look(run_label(run), *(fixed.get(run) or _look(places[run]))) for run in runs}


def _places(methods: Iterable[str]) -> dict[str, int]:
    """A different place for each method, below ``_PLACES`` while there are no more than these.

    Other runs have the places beyond those of known methods, then those of known methods that are
    not among ``methods``.
    """
    places = {run: _KNOWN.index(run) for run in methods if run in _KNOWN}
    rest, taken = list(range(len(_KNOWN), _FIRST)), set(places.values())
    for run in sorted(set(methods) - set(places)):
        first = crc32(run.encode()) % len(rest)
        turns = (*rest[first:], *rest[:first], *range(len(_KNOWN)), *range(_FIRST, _PLACES))
        places[run] = next((place for place in turns if place not in taken), rest[first])
        taken.add(places[run])
    return places


def _look(place: int) -> tuple[str, str, str]:
    """Colour, marker and line; neighbours differ in all three as far as possible."""
    turn, colour = divmod(place, len(METHOD_COLOURS))
    # 5 has no factor in common with the number of markers: a colour meets each of them.
    marker = METHOD_MARKERS[(colour + 5 * turn) % len(METHOD_MARKERS)]
    line = LINES[(turn + turn // len(METHOD_MARKERS)) % len(LINES)]
    return METHOD_COLOURS[colour], marker, line


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


def line_handle(look: Look) -> Line2D:
    """A method's line with its marker in a legend; of the two trained models the marker alone."""
    return Line2D(
        [],
        [],
        color=look.colour,
        marker=look.marker,
        linestyle="none" if look.marker in "s*" else look.line,
        markersize=8 if look.marker == "*" else 5,
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
