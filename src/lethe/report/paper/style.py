"""The look of the paper's exhibits: its colours for methods, one kind of mark, larger by epoch."""

import math
from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lethe.report.labels import FULL, RETAIN
from lethe.report.style import BLACK, BLUE, GREEN, Look, looks

# As in the paper's Figures 5 to 7 and 9; the shades can be told apart in print and in greyscale.
GOLD, ORANGE = "#E8B800", "#D9601A"
_COLOURS = {"grad_ascent": BLUE, "grad_diff": GOLD, "idk": GREEN, "kl_min": ORANGE}
# Marker areas of the first and the last epoch, in square points.
SMALLEST, LARGEST = 8.0, 60.0
FIRST, SECOND = BLUE, ORANGE  # the two samples of a panel


def method_looks(classes: Mapping[str, str]) -> dict[str, Look]:
    """Label and colour of every run, of ``full`` and of ``retain``; all methods are circles.

    ``classes`` maps each run to its method, so that a variant drawn alone looks like its method.
    """
    known = looks(list(classes.values()))
    by_run = {run: Look(known[run].label, BLACK, known[run].marker) for run in (FULL, RETAIN)}
    for run, method in classes.items():
        by_run[run] = Look(known[method].label, _COLOURS.get(method, known[method].colour), "o")
    return by_run


def legend(figure: Figure, shown: list[Look]) -> None:
    """The legend, above the panels where it hides nothing; in two rows if one would not fit."""
    columns = len(shown) if figure.get_figwidth() > 6 else math.ceil(len(shown) / 2)
    handles = [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            linestyle="-" if look.marker == "o" else "none",
            markersize=8 if look.marker == "*" else 5,
            label=look.label,
        )
        for look in shown
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
