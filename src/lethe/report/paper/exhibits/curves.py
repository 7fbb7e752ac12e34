"""Figures 8 and 10 to 33: ROUGE, probability and truth ratio of one run on the four sets."""

import numpy as np
from matplotlib.figure import Figure

from lethe.report.figures import curves
from lethe.report.paper.exhibit_data import ExhibitData

NUMBER = "Figures 8 and 10 to 33"
TITLE = "curves"
CAPTION = """
**ROUGE, probability and truth ratio** on the four sets while {model} unlearns {split} by {run}.
Step 0 is the finetuned model; a mark stands at the end of each epoch, a tick at every second. The
dotted line, the oracle's value on the forget set, is not in the paper.
"""
FILE = "fig10_33_curves/{model}/{split}/{run}"
READS = "scores"


def draw(data: ExhibitData) -> Figure:
    """Lethe's own curves of one model, split and run, with the paper's ticks: every second epoch.

    The dotted line, the oracle's value on the forget set, is ours.
    """
    (panel,), (run,) = data.panels(), data.methods
    figure = curves.draw(panel)
    steps = panel.mean(run, "rouge", "forget").steps
    for axes in figure.axes:
        axes.set_xticks(np.concatenate([[0], steps])[::2])
    return figure
