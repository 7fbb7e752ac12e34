"""Figure 9: Figure 7 for one model, with methods whose settings differ from all other runs."""

from matplotlib.figure import Figure

from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.exhibits import zoom

NUMBER = "Figure 9"
TITLE = "the same with other settings"
CAPTION = """
**The trajectories on the smallest forget set**, on axes that hold just what is drawn, of the longer
runs of one model. Marks as in Figures 5 and 6.
"""
FILE = "fig09_zoom_longer"
READS = "scores"
# The last model takes the place of the paper's smaller one, Phi.
MODELS = "last"
SPLITS = "smallest"
METHODS = "unlisted"


def draw(data: ExhibitData) -> Figure:
    """One panel."""
    return zoom.draw(data)
