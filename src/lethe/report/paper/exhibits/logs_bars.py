"""The nine numbers of model utility of a finetuned model and an oracle, from scores of logs."""

from matplotlib.figure import Figure

from lethe.report.figures import utility_bars
from lethe.report.figures.base import FigureData
from lethe.report.paper.exhibit_data import ExhibitData

TITLE = "model utility"
CAPTION = """
**The nine numbers of model utility** of the finetuned model and of an oracle, from evaluation logs.
"""
FILE = "utility_bars_{model}_{split}"
READS = "log_scores"


def draw(data: ExhibitData) -> Figure:
    """The figure ``utility_bars``, without methods."""
    (model,), (split,) = data.models, data.splits
    own = data.scores[(data.scores["model"] == model) & (data.scores["split"] == split)]
    return utility_bars.draw(FigureData(own, model, split, (), (0,), intervals=data.intervals))
