"""Figure 4 from evaluation logs, of the models of one family and weight decay."""

from matplotlib.figure import Figure

from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.exhibits import truth_ratios

NUMBER = "Figure 4"
TITLE = "truth ratios"
CAPTION = """
**Figure 4: truth ratio R** as histogram (left axis) and empirical distribution function (right
axis), from evaluation logs. Left: the oracles of two families on the retain set. Middle: one oracle
on the forget and on the retain set. Right: the oracle and the finetuned model on the forget set.
Above each panel the two-sided, exact p-value of the Kolmogorov-Smirnov test. The last bin counts
everything beyond the axis, too.
"""
FILE = "fig04_truth_ratios_{model}"
READS = "logs"
# The logs cover all splits, whatever the configuration lists.
SPLITS = "largest"
BESIDE = ("retain",)
METRICS = ("truth_ratio", "forget_quality")


def draw(data: ExhibitData) -> Figure:
    """The three panels; the family beside this one may have no logs."""
    return truth_ratios.draw(data)
