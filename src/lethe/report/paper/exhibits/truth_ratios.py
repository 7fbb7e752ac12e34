"""Figure 4: histograms of the truth ratio (left axis) with distribution functions (right axis).

Three panels: the oracles of two models on the retain set, which agree; one oracle on the forget and
on the retain set; the oracle and the finetuned model on the forget set, which differ.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.report.figures.truth_ratios import BINS, COVERED, p_text
from lethe.report.labels import RETAIN, SETS, run_label
from lethe.report.paper.cells import Cell, Side, figure_cells, samples, test
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.style import SET_COLOURS, looks

NUMBER = "Figure 4"
TITLE = "truth ratios"
CAPTION = """
**Figure 4: truth ratio R** as histogram (left axis) and empirical distribution function (right
axis). Left: the oracles of two models on the retain set. Middle: one oracle on the forget and on
the retain set. Right: the oracle and the finetuned model on the forget set. Above each panel the
two-sided, exact p-value of the Kolmogorov-Smirnov test. The last bin counts everything beyond the
axis, too. All panels have the same axis of counts.
"""
FILE = "fig04_truth_ratios/{model}"
READS = "records"
SPLITS = "largest"
RUNS = ("retain", "full")
BESIDE = ("retain",)
METRICS = ("truth_ratio", "forget_quality")

# The axis shows all items, but no more than this many times the range of nearly all of them.
STRETCH = 2.0


def draw(data: ExhibitData) -> Figure:
    """The model's three panels; a panel that cannot be drawn says what is missing."""
    (model,), (split,) = data.models, data.splits
    figure = Figure(figsize=(7.0, 2.9))
    cells = figure_cells(model, data.beside, split)
    drawn = [
        axes
        for axes, cell in zip(figure.subplots(1, len(cells)), cells, strict=True)
        if _panel(axes, cell, data.evaluations)
    ]
    top = max((axes.get_ylim()[1] for axes in drawn), default=1.0)
    for axes in drawn:
        axes.set_ylim(0.0, top)
    figure.suptitle(f"{model}, {split}", fontsize=9)
    return figure


def _panel(axes: Axes, cell: Cell, evaluations: Evaluations) -> bool:
    """Draw a comparison, or say why it cannot be drawn; returns whether it is."""
    axes.set_xlabel("Truth Ratio R")
    ratios, why = samples(cell, evaluations)
    if why:
        axes.text(0.5, 0.5, f"not computable:\n{why}", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return False
    edges = bin_edges(ratios)
    right = axes.twinx()
    sides = (cell.first, cell.second)
    for sample, side, style in zip(ratios, sides, _styles(sides), strict=True):
        shown = np.minimum(sample, edges[-1])
        axes.hist(shown, bins=edges, label=_label(side, sides), zorder=2, **style["bars"])
        right.ecdf(sample, linewidth=1.3, **style["line"])
    _frame(axes, right, edges)
    axes.set_title(p_text(test(cell, evaluations).p), pad=4)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.1), borderaxespad=0.0)
    return True


def _styles(sides: tuple[Side, Side]) -> list[dict]:
    """Bars and line of both samples: in the colour of the run, or of the set if the run is one.

    If only the models differ, the second has outlines and a dashed line.
    """
    runs, sets = ([getattr(side, name) for side in sides] for name in ("run", "set_name"))
    known = looks(runs)
    apart = runs[0] == runs[1] and sets[0] != sets[1]
    colours = [SET_COLOURS[name] for name in sets] if apart else [known[run].colour for run in runs]
    filled = [{"bars": {"color": c, "alpha": 0.45}, "line": {"color": c}} for c in colours]
    if colours[0] != colours[1]:
        return filled
    outlined = {"facecolor": "none", "edgecolor": colours[1], "linewidth": 0.9}
    return [filled[0], {"bars": outlined, "line": {"color": colours[1], "linestyle": "--"}}]


def bin_edges(samples: list[list[float]]) -> np.ndarray:
    """Bins of both samples; items beyond them are counted in the last one."""
    together = np.concatenate(samples)
    top = min(together.max(), STRETCH * np.percentile(together, COVERED))
    return np.linspace(0.0, top, BINS + 1)


def _label(side: Side, sides: tuple[Side, Side]) -> str:
    """The labels that differ between the two samples, and what they have in common."""
    trained = f"{run_label(RETAIN)}{side.label[-2:]}" if side.run == RETAIN else run_label(side.run)
    name = SETS[side.set_name].lower()
    models = {side.model for side in sides}
    return f"{trained}, {side.model}, {name}" if len(models) > 1 else f"{trained}, {name}"


def _frame(axes: Axes, right: Axes, edges: np.ndarray) -> None:
    axes.set_xlim(edges[0], edges[-1])
    right.set_ylim(0.0, 1.05)
    right.set_yticks([0.0, 0.5, 1.0])
    right.spines["right"].set_visible(True)
    right.grid(False)
    place = axes.get_subplotspec()
    if place.is_first_col():
        axes.set_ylabel("Count")
    if place.is_last_col():
        right.set_ylabel("ECDF")
