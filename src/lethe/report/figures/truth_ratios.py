"""Distributions of the truth ratio R on the forget set, each against the oracle's."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lethe.report import interactive as page
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL
from lethe.report.style import Look, looks

PAGE = {"title": "Distributions of the truth ratio", "place": 3}
MOST_IN_ROW = 3
BINS = 24
# Points of a distribution on the page.
POINTS = 101
# The axis ends at this quantile of the items of the two trained models.
COVERED = 99


def draw(data: FigureData) -> Figure:
    """A panel for the full model and each method: counts (left axis) and ECDF (right axis)."""
    runs = (FULL, *data.methods)
    items = {run: data.items(run, "truth_ratio", "forget") for run in (data.oracle, *runs)}
    edges = bin_edges(items[data.oracle], items[FULL])
    columns = min(len(runs), MOST_IN_ROW)
    rows = math.ceil(len(runs) / columns)
    figure = Figure(figsize=(7.0, 0.6 + 1.75 * rows))
    grid = figure.subplots(rows, columns, squeeze=False)
    look = looks(data.methods, data.oracle)
    panels = list(grid.flat)
    for run, axes in zip(runs, panels, strict=False):
        _histograms(axes, edges, items[run], items[data.oracle], look[run], look[data.oracle])
        right = _ecdfs(axes, edges, items[run], items[data.oracle], look[run], look[data.oracle])
        _name_axes(axes, right, last=run == runs[-1])
        axes.set_title(f"{look[run].label}: {p_text(_p_value(data, run))}")
    for axes in panels[len(runs) :]:
        axes.remove()
    figure.supxlabel("Truth Ratio R on the Forget Set (last bin: all above)", fontsize=9)
    _legend(figure, [look[run] for run in (data.oracle, *runs)])
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
    """Bins that all panels share; items beyond them are counted in the last one."""
    top = float(np.percentile(np.concatenate(samples), COVERED))
    return np.linspace(0.0, top if top > 0 else 1.0, BINS + 1)


def _histograms(
    axes: Axes, edges: np.ndarray, own: np.ndarray, oracle: np.ndarray, look: Look, other: Look
) -> None:
    for sample, shown, order in ((oracle, other, 2), (own, look, 3)):
        axes.hist(
            np.minimum(sample, edges[-1]),
            bins=edges,
            color=shown.colour,
            alpha=0.45,
            label=shown.label,
            zorder=order,
        )
    axes.set_xlim(edges[0], edges[-1])


def _ecdfs(
    axes: Axes, edges: np.ndarray, own: np.ndarray, oracle: np.ndarray, look: Look, other: Look
) -> Axes:
    right = axes.twinx()
    for sample, shown in ((oracle, other), (own, look)):
        # Steps end with the axis, though the curve may still rise beyond it.
        right.ecdf(sample, color=shown.colour, linewidth=1.3, label=shown.label)
    right.set_xlim(edges[0], edges[-1])
    right.set_ylim(0.0, 1.05)
    right.set_yticks([0.0, 0.5, 1.0])
    right.spines["right"].set_visible(True)
    right.grid(False)
    return right


def _name_axes(axes: Axes, right: Axes, last: bool) -> None:
    """Label the left axis of a row's first panel and the right axis of its last."""
    place = axes.get_subplotspec()
    if place.is_first_col():
        axes.set_ylabel("Count")
    if place.is_last_col() or last:
        right.set_ylabel("ECDF")


def _legend(figure: Figure, shown: list[Look]) -> None:
    handles = [Patch(color=look.colour, label=look.label) for look in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 5))


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """The distribution functions of all runs in one panel, with a slider of epochs."""
    look = looks(data.methods, data.oracle)
    shares = np.linspace(0.0, 1.0, POINTS)
    epochs = {run: data.course(run, *_TESTED, data.seeds[0]).epochs for run in data.methods}
    steps = sorted({int(epoch) for some in epochs.values() for epoch in some})
    at = {step: [_quantiles(data, run, epochs[run], step) for run in epochs] for step in steps}
    others = {run: _quantiles(data, run) for run in (FULL, data.oracle)}
    last = at[steps[-1]] if steps else []
    lines = [
        _distribution(look[run], values, shares, settings.get(run, ""))
        for run, values in zip(epochs, last, strict=True)
    ]
    lines += [_distribution(look[run], values, shares, "") for run, values in others.items()]
    changes = [{"x": at[step]} for step in steps]
    samples = [data.items(run, "truth_ratio", "forget") for run in others]
    layout = {
        "xaxis": {"title": {"text": "Truth ratio R on the forget set"}, "range": [0.0, 1.0]},
        "yaxis": {"title": {"text": "Share of items at or below"}, "range": [0.0, 1.02]},
        "sliders": [page.epoch_slider(steps, changes, len(epochs), "Epoch ")] if steps else [],
    }
    layout["xaxis"]["range"][1] = float(bin_edges(*samples)[-1])
    return {"data": lines, "layout": layout}


# The p-value of each checkpoint, by which its epochs are known.
_TESTED = ("forget_quality", "forget_quality")


def _quantiles(
    data: FigureData, run: str, epochs: np.ndarray | None = None, step: int | None = None
) -> list[float]:
    """Quantiles of a run's items, of the last epoch up to ``step`` if epochs are given."""
    epoch = None if epochs is None else int(max(epochs[epochs <= step], default=epochs[0]))
    items = data.items(run, "truth_ratio", "forget", epoch, data.seeds[0])
    return np.round(np.quantile(items, np.linspace(0.0, 1.0, POINTS)), 4).tolist()


def _distribution(look: Look, values: list[float], shares: np.ndarray, settings: str) -> page.Spec:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": look.label,
        "x": values,
        "y": np.round(shares, 2).tolist(),
        "text": page.hover(look.label, [], settings),
        "hovertemplate": "%{text}<br>R = %{x:.3f}: %{y:.0%} of the items<extra></extra>",
        "line": {"color": look.colour, "width": 1.5},
    }
