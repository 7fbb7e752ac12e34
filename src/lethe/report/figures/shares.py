"""How well methods forget and what it costs, by the share of facts that is to be forgotten."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.analysis.statistics import SIGNIFICANT
from lethe.common.errors import LetheError
from lethe.report import interactive as page
from lethe.report.annotations import SMALL, THRESHOLD, about, legend, name_line
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL, run_label
from lethe.report.style import LOWEST, Look, crosses, height, line_handle, looks, marks, reach

READS = ("scores", "intervals")
SCORES_OF = ("forget_quality", "model_utility", "probability")
COMPARES_SHARES = True
PAGE = {"title": "By the share that is forgotten", "place": 8}
QUALITY = ("forget_quality", "log10_forget_quality")
PANELS = {
    QUALITY: "Forget Quality (log$_{10}$ p-value)",
    ("model_utility", "model_utility"): "Model Utility",
    ("probability", "forget"): "Forget Set, probability",
}
ACROSS = "Share of the facts that is to be forgotten"
MARK, ORACLES_MARK = 18, 60
# The width, as a part of the axis, over which runs of one share are spread: error bars at the same
# place would hide each other.
SPREAD = 0.03


def draw(data: FigureData) -> Figure:
    """A panel for each number, a line for each run over the shares: last epochs, with intervals."""
    _check(data)
    look = looks(data.methods, data.oracle)
    figure = Figure(figsize=(8.2, height(2.9, len(look) + 2)))
    for axes, (place, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        courses = {run: points(data, run, place) for run in look}
        if place == QUALITY:
            _scale_of_quality(axes, courses, data.methods)
        else:
            axes.set_ylim(bottom=LOWEST)
        for number, (run, own) in enumerate(courses.items()):
            apart = _width(data) ** ((number / (len(look) - 1) - 0.5) * SPREAD)
            moved = np.column_stack([own[:, 0] * apart, own[:, 1:]])
            _line(axes, moved, look[run], run in data.methods)
        axes.set_title(title, fontsize=8)
        # One author in two hundred and a tenth of them would be too near each other otherwise.
        axes.set_xscale("log")
        axes.set_xticks(list(data.by_share), list(map(_percent, data.by_share)))
        axes.minorticks_off()
    figure.supxlabel(ACROSS, fontsize=9)
    legend(figure, [line_handle(one) for one in look.values()], title=data.model)
    return figure


def _scale_of_quality(axes: Axes, courses: dict[str, np.ndarray], methods: Iterable[str]) -> None:
    """The scale of the methods; the full model, if far below, is named at the bottom instead."""
    axes.axhline(np.log10(SIGNIFICANT), **THRESHOLD)
    name_line(axes, f"p = {SIGNIFICANT}", y=np.log10(SIGNIFICANT))
    lowest = min(np.nanmin(courses[run][:, 1:]) for run in methods)
    bottom = min(1.1 * lowest, 2 * np.log10(SIGNIFICANT))
    axes.set_ylim(bottom, -0.05 * bottom)
    full = courses[FULL][:, 1]
    if full.min() < bottom:
        del courses[FULL]
        ends = f"{full.min():.0f} to {full.max():.0f}".replace("-", "\N{MINUS SIGN}")
        text = f"{run_label(FULL)}: {ends}"
        note = {"ha": "left", "va": "bottom", "fontsize": SMALL, "color": "0.35"}
        axes.text(0.02, 0.02, text, transform=axes.transAxes, **note)


def _check(data: FigureData) -> None:
    if not data.by_share:
        raise LetheError(f"figure shares: {about(data)} has no shares; list splits of several")


def _width(data: FigureData) -> float:
    """The largest share over the smallest; for a single one, that of a narrow axis."""
    return max(data.by_share) / min(data.by_share) if len(data.by_share) > 1 else 2.0


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def points(data: FigureData, run: str, place: tuple[str, str]) -> np.ndarray:
    """Share, value and both ends of its interval for each share, [shares, 4].

    The run of the data's own oracle stands for each split's oracle; against itself its p is 1.
    """
    rows = []
    for share, one in data.by_share.items():
        name = one.oracle if run == data.oracle else run
        if name == one.oracle and place == QUALITY:
            rows.append((share, 0.0, np.nan, np.nan))
            continue
        low, high = one.interval(name, *place)
        rows.append((share, one.last(name, *place).mean(), low[-1], high[-1]))
    return np.array(rows)


def _line(axes: Axes, course: np.ndarray, look: Look, is_method: bool) -> None:
    shares, values, low, high = course.T
    style = look.line if is_method else ":"
    axes.plot(shares, values, color=look.colour, linestyle=style, linewidth=1.1)
    crosses(axes, shares, values, look.colour, yerr=reach(values, low, high))
    marks(axes, shares, values, MARK if look.marker != "*" else ORACLES_MARK, look)


def interactive(data: FigureData, settings: Mapping[str, str]) -> page.Spec:
    """One panel, with a menu of the numbers."""
    _check(data)
    look = looks(data.methods, data.oracle)
    words = {QUALITY: "Forget quality (log₁₀ p)"}
    shown = {
        words.get(place, title.replace("\n", " ")): {
            run: points(data, run, place)[:, :2] for run in look
        }
        for place, title in PANELS.items()
    }
    made = page.courses(shown, look, settings)
    ticks = {"tickvals": list(data.by_share), "ticktext": list(map(_percent, data.by_share))}
    across = {"title": {"text": ACROSS}, "type": "log", **ticks}
    return {**made, "layout": {**made["layout"], "xaxis": across}}
