"""The look of the paper's exhibits: runs look as in all figures, marks grow from epoch to epoch."""

from collections import Counter
from collections.abc import Mapping

from matplotlib.figure import Figure

from lethe.report import annotations
from lethe.report.labels import FULL, RETAIN
from lethe.report.style import Look, line_handle, looks

# Marker areas of the first and the last epoch, in square points.
SMALLEST, LARGEST = 8.0, 60.0
ENTRY = 1.35  # room for an entry of the legend, in inches


def method_looks(classes: Mapping[str, str]) -> dict[str, Look]:
    """Label, colour, marker and line of every run, of ``full`` and of ``retain``.

    ``classes`` maps each run to its method. A variant looks like its method, if no other run of
    this method is drawn.
    """
    known, runs = looks((*classes.values(), *classes)), Counter(classes.values())
    by_run = {run: known[method if runs[method] == 1 else run] for run, method in classes.items()}
    return {FULL: known[FULL], RETAIN: known[RETAIN], **by_run}


def legend(figure: Figure, shown: list[Look]) -> None:
    """The legend, above the panels where it hides nothing; in several rows if one would not fit."""
    annotations.legend(
        figure,
        [line_handle(look) for look in shown],
        annotations.growing_marks(SMALLEST, LARGEST),
        "upper center",
        ncols=min(len(shown) + 1, int(figure.get_figwidth() / ENTRY)),
    )
