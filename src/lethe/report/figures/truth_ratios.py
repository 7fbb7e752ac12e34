"""Distributions of the truth ratio R on the forget set, each against the oracle's."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lethe.report import interactive as page
from lethe.report.annotations import SMALL, about
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, looks

PAGE = {"title": "Distributions of the truth ratio", "place": 3}
SCORES_OF = ("forget_quality",)
MOST_IN_ROW = 3
BINS = 24
# The regular bins end at this quantile of the items of the two trained models.
COVERED = 99
# Points of a distribution on the page.
POINTS = 101
# Markers on each of them, which identify it without colour.
MARKED = 12
# Values beyond are counted in one more bin, which begins after a gap; both in widths of a bin.
GAP, LAST = 1.0, 2.0
# A bar higher than this many times the trained models' highest is cut, and its count written.
TALLEST = 1.25


def draw(data: FigureData) -> Figure:
    """A panel for the full model and each method: counts (left axis) and ECDF (right axis)."""
    runs = (FULL, *data.methods)
    items = {run: data.items(run, "truth_ratio", "forget") for run in (data.oracle, *runs)}
    edges = bin_edges(items[data.oracle], items[FULL])
    counts = {run: count(sample, edges) for run, sample in items.items()}
    columns = min(len(runs), MOST_IN_ROW)
    rows = math.ceil(len(runs) / columns)
    figure = Figure(figsize=(7.0, 0.8 + 1.75 * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    look, top = looks(data.methods, data.oracle), highest(counts, data.oracle)
    panels = list(grid.flat)
    for run, axes in zip(runs, panels, strict=False):
        pair = (data.oracle, run)
        _histograms(axes, edges, [(counts[name], look[name]) for name in pair])
        _write_cut(axes, edges, counts[run], top)
        right = _ecdfs(axes, edges, [(items[name], look[name]) for name in pair])
        _name_axes(axes, right)
        axes.set_title(f"{look[run].label}: {p_text(_p_value(data, run))}")
        axes.tick_params(labelbottom=run in runs[-columns:])
    panels[0].set_ylim(0.0, top)
    for axes in panels[len(runs) :]:
        axes.remove()
    figure.supxlabel("Truth Ratio R on the Forget Set (separate bar: all above)", fontsize=9)
    _legend(figure, look[data.oracle], about(data))
    return figure


def _p_value(data: FigureData, run: str) -> float:
    # The p-value of the seed whose items are drawn, not the mean over seeds.
    return float(data.course(run, "forget_quality", "forget_quality", data.seeds[0]).values[-1])


def p_text(p: float) -> str:
    """``p = 0.31``, or in powers of ten when it is small."""
    if p == 0:
        return "p = 0"  # smaller than any double
    if p >= 0.01:
        return f"p = {p:.2f}"
    mantissa, exponent = f"{p:.1e}".split("e")
    return rf"p = ${mantissa}\times10^{{{int(exponent)}}}$"


def bin_edges(*samples: np.ndarray) -> np.ndarray:
    """The regular bins, which all panels share."""
    top = float(np.percentile(np.concatenate(samples), COVERED))
    return np.linspace(0.0, top if top > 0 else 1.0, BINS + 1)


def count(sample: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Items in each regular bin and, at the end, beyond them all: [bins + 1]."""
    regular, _ = np.histogram(sample, edges)
    return np.append(regular, len(sample) - regular.sum())


def highest(counts: dict[str, np.ndarray], oracle: str) -> float:
    """The end of all count axes, so that no collapsed model makes the others' bars small."""
    trained = max(counts[run][:-1].max() for run in (oracle, FULL))
    tallest = max(bars.max() for bars in counts.values())
    return 1.08 * min(tallest, TALLEST * trained)


def _bars(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left ends and widths of all bars, the last for what lies beyond the regular bins."""
    width = edges[1] - edges[0]
    widths = np.append(np.diff(edges), LAST * width)
    return np.append(edges[:-1], edges[-1] + GAP * width), widths


def _histograms(axes: Axes, edges: np.ndarray, shown: list[tuple[np.ndarray, Look]]) -> None:
    left, widths = _bars(edges)
    for order, (bars, look) in enumerate(shown, start=2):
        style = {"color": look.colour, "alpha": 0.45, "linewidth": 0, "zorder": order}
        axes.bar(left, bars, widths, align="edge", label=look.label, **style)
    axes.set_xlim(edges[0], left[-1] + widths[-1] * 1.2)


def _write_cut(axes: Axes, edges: np.ndarray, counts: np.ndarray, top: float) -> None:
    """The count of each bar that the axis cuts, at its upper end."""
    left, widths = _bars(edges)
    for place in np.flatnonzero(counts > top):
        axes.annotate(
            f"{counts[place]}",
            (left[place] + widths[place] / 2, top),
            xytext=(0, -1),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=SMALL,
        ).set_in_layout(False)


def _ecdfs(axes: Axes, edges: np.ndarray, shown: list[tuple[np.ndarray, Look]]) -> Axes:
    right = axes.twinx()
    for sample, look in shown:
        # Steps end with the regular bins, though the curve may still rise beyond them.
        x = np.concatenate([[edges[0]], np.sort(sample[sample <= edges[-1]]), [edges[-1]]])
        y = np.concatenate([[0], np.arange(1, len(x) - 1), [len(x) - 2]]) / len(sample)
        style = {"color": look.colour, "linewidth": 1.3, "label": look.label}
        right.plot(x, y, drawstyle="steps-post", **style)
    right.set_xlim(axes.get_xlim())
    right.set_ylim(0.0, 1.05)
    right.set_yticks([0.0, 0.5, 1.0])
    right.spines["right"].set_visible(True)
    right.grid(False)
    return right


def _name_axes(axes: Axes, right: Axes) -> None:
    """Label the left axes of the first column and the right axes of the last one."""
    place = axes.get_subplotspec()
    if place.is_first_col():
        axes.set_ylabel("Count")
    right.tick_params(labelright=place.is_last_col())
    if place.is_last_col():
        right.set_ylabel("ECDF")


def _legend(figure: Figure, oracle: Look, title: str) -> None:
    """The oracle, which is in every panel, and what bars and lines are; titles name the runs."""
    handles = [
        Patch(color=oracle.colour, label=oracle.label),
        Patch(facecolor="white", edgecolor="0.2", linewidth=0.6, label="The run above the panel"),
        Patch(color="0.2", alpha=0.3, linewidth=0, label="Bars: count"),
        Line2D([], [], color="0.2", linewidth=1.3, label="Lines: ECDF"),
    ]
    figure.legend(handles=handles, title=title, loc="outside upper center", ncols=len(handles))


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """The distribution functions of all runs in one panel, with a slider of epochs."""
    look = looks(data.methods, data.oracle)
    shares = np.linspace(0.0, 1.0, POINTS)
    epochs = {run: data.course(run, *_TESTED, data.seeds[0]).epochs for run in data.methods}
    steps = sorted({int(epoch) for some in epochs.values() for epoch in some})
    changes = [_until(data, step, epochs, look, settings) for step in steps]
    last = changes[-1] if steps else {"x": [], "text": []}
    lines = [
        _distribution(look[run], values, shares, text)
        for run, values, text in zip(epochs, last["x"], last["text"], strict=True)
    ]
    lines += [
        _distribution(look[run], _quantiles(data, run), shares, page.hover(look[run].label, []))
        for run in (FULL, data.oracle)
    ]
    samples = [data.items(run, "truth_ratio", "forget") for run in (FULL, data.oracle)]
    layout = {
        "xaxis": {"title": {"text": "Truth ratio R on the forget set"}, "range": [0.0, 1.0]},
        "yaxis": {"title": {"text": "Share of items at or below"}, "range": [0.0, 1.02]},
        "sliders": [page.epoch_slider(steps, changes, len(epochs), "Epoch ")] if steps else [],
    }
    layout["xaxis"]["range"][1] = float(bin_edges(*samples)[-1])
    return {"data": lines, "layout": layout}


# The p-value of each checkpoint, by which its epochs are known.
_TESTED = ("forget_quality", "forget_quality")


def _until(
    data: FigureData,
    step: int,
    epochs: Mapping[str, np.ndarray],
    look: Mapping[str, Look],
    settings: Mapping[str, str],
) -> page.Spec:
    """What the slider changes: each method's last epoch up to ``step``, and its name."""
    at = {run: int(max(own[own <= step], default=own[0])) for run, own in epochs.items()}
    return {
        "x": [_quantiles(data, run, epoch) for run, epoch in at.items()],
        "text": [
            page.hover(f"{look[run].label}, epoch {epoch}", [], settings.get(run, ""))
            for run, epoch in at.items()
        ],
    }


def _quantiles(data: FigureData, run: str, epoch: int | None = None) -> list[float]:
    """Quantiles of a run's items at an epoch, by default its last."""
    items = data.items(run, "truth_ratio", "forget", epoch, data.seeds[0])
    return np.round(np.quantile(items, np.linspace(0.0, 1.0, POINTS)), 4).tolist()


def _distribution(look: Look, values: list[float], shares: np.ndarray, text: str) -> page.Spec:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": look.label,
        "x": values,
        "y": np.round(shares, 2).tolist(),
        "text": text,
        "hovertemplate": "%{text}<br>R = %{x:.3f}: %{y:.0%} of the items<extra></extra>",
        "line": page.line(look),
        "marker": page.marker(look, 8) | {"maxdisplayed": MARKED},
    }
