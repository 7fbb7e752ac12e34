"""What is written into figures: arrows of time, labels at points, names of lines."""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from lethe.report.style import GREY, Look

# All sizes are in points.
SMALL, ARROW = 7, 9
# A shorter segment between two marks has no room for an arrowhead.
LEAST_SEGMENT = 15
# Half the side of the square around a mark that no label may cover.
MARK = 4
DISTANCES = (6, 13)
# Where a label may be, relative to its point, in order of preference.
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
THRESHOLD = {"color": "0.45", "linestyle": "--", "linewidth": 0.8, "zorder": 1}
SIZE_IS_EPOCH = "Size: epoch,\nfirst to last"


def arrows(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """Arrowheads along a line, in the order of its points: where there is room; at least one.

    The figure's layout must be settled (``Figure.draw_without_rendering``).
    """
    points = np.column_stack([x, y])
    places = axes.transData.transform(points) * 72 / axes.figure.dpi
    lengths = np.hypot(*np.diff(places, axis=0).T)
    head = {"arrowstyle": "-|>", "color": colour, "linewidth": 0.01, "mutation_scale": ARROW}
    head |= {"shrinkA": 0, "shrinkB": 0}
    for number in np.flatnonzero(lengths >= min(LEAST_SEGMENT, lengths.max())):
        begin, end = points[number : number + 2]
        tip = begin + 0.6 * (end - begin)
        axes.annotate("", tip, begin, arrowprops=head, zorder=3).set_in_layout(False)


def label_points(
    axes: Axes, labelled: Sequence[tuple[tuple[float, float], Look]], marks: Iterable[tuple]
) -> None:
    """Write each look's label beside its point, where it hides nothing; else leave it out.

    ``marks`` are all points, in data coordinates, that no label may cover. Labels cross no line or
    error bar of the axes; those that find no place then may cross lines over the whole width. Call
    it last: positions are computed for the figure as it is at that moment.
    """
    axes.figure.draw_without_rendering()
    centres, half = axes.transData.transform(np.array(list(marks))), MARK * axes.figure.dpi / 72
    taken = [Bbox([point - half, point + half]) for point in centres]
    lines, across = _lines(axes)
    left = _place(axes, labelled, taken, lines + across)
    _place(axes, left, taken, lines)


def _lines(axes: Axes) -> tuple[list[Path], list[Path]]:
    """Paths, on the screen, of what is drawn, and of the horizontal lines over the whole width."""
    spans = [line for line in axes.lines if line.get_transform() != axes.transData]
    drawn = [line for line in axes.lines if line not in spans]
    paths = [axes.transData.transform_path(line.get_path()) for line in drawn]
    for bars in (some for some in axes.collections if isinstance(some, LineCollection)):
        paths += [axes.transData.transform_path(path) for path in bars.get_paths()]
    return paths, [line.get_transform().transform_path(line.get_path()) for line in spans]


def _place(axes: Axes, labelled: Sequence[tuple], taken: list[Bbox], lines: list[Path]) -> list:
    """Place the labels that have room, which is then ``taken``; returns the others."""
    left = []
    for point, look in labelled:
        for distance, side in product(DISTANCES, SIDES):
            note = _beside(axes, point, look, side, distance)
            box = note.get_window_extent()
            if _is_free(axes, box, taken, lines):
                taken.append(box)
                break
            note.remove()
        else:
            left.append((point, look))
    return left


def _beside(axes: Axes, point, look: Look, side: tuple[int, int], distance: float) -> Annotation:
    across, up = side
    note = axes.annotate(
        look.label,
        point,
        (across * distance, up * distance),
        textcoords="offset points",
        ha={1: "left", 0: "center", -1: "right"}[across],
        va={1: "bottom", 0: "center", -1: "top"}[up],
        fontsize=SMALL,
        color=tuple(0.7 * part for part in to_rgb(look.colour)),  # darker: it is small
        zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4},
    )
    note.set_in_layout(False)
    return note


def _is_free(axes: Axes, box: Bbox, taken: list[Bbox], lines: list[Path]) -> bool:
    area = axes.get_window_extent()
    within = area.x0 <= box.x0 and box.x1 <= area.x1 and area.y0 <= box.y0 and box.y1 <= area.y1
    if not within or any(box.overlaps(other) for other in taken):
        return False
    box = box.padded(axes.figure.dpi / 72)
    return not any(line.intersects_bbox(box, filled=False) for line in lines)


def name_line(axes: Axes, text: str, *, y: float | None = None, x: float | None = None) -> None:
    """Name a line that crosses the whole axes, at its end: right of them at y, or above at x."""
    across = x is None
    axes.annotate(
        text,
        (1.0, y) if across else (x, 1.0),
        xycoords=("axes fraction", "data") if across else ("data", "axes fraction"),
        xytext=(3, 0) if across else (0, 2),
        textcoords="offset points",
        ha="left" if across else "center",
        va="center" if across else "bottom",
        fontsize=SMALL,
        linespacing=0.9,
        color="0.35",
    )


def growing_marks(smallest: float, largest: float) -> tuple[tuple[Line2D, ...], str]:
    """Handles and text of the legend's entry on size; areas are in square points."""
    marks = tuple(
        Line2D([], [], color=GREY, marker="o", linestyle="none", markersize=np.sqrt(area))
        for area in np.linspace(smallest, largest, 3)
    )
    return marks, SIZE_IS_EPOCH


def legend(
    figure: Figure, handles: list, sizes: tuple | None = None, side: str = "right center", **layout
) -> None:
    """A legend outside the axes, with ``sizes`` as its last entry (``growing_marks``)."""
    entries = [(handle, handle.get_label()) for handle in handles] + ([sizes] if sizes else [])
    figure.legend(
        *zip(*entries, strict=True),
        loc=f"outside {side}",
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.2)},
        handlelength=2.4,
        **layout,
    )


def about(data) -> str:
    """The model and split that a figure is about."""
    return f"{data.model}, {data.split}"
