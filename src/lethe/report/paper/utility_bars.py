"""The nine numbers of model utility of a finetuned model and an oracle, from scores of logs."""

import pandas as pd
from matplotlib.figure import Figure

from lethe.analysis.intervals import Intervals
from lethe.report.figures import utility_bars
from lethe.report.figures.base import FigureData


def draw(scores: pd.DataFrame, intervals: Intervals, model: str, split: str) -> Figure:
    """Lethe's own figure, without methods."""
    own = scores[(scores["model"] == model) & (scores["split"] == split)]
    return utility_bars.draw(FigureData(own, model, split, (), (0,), intervals=intervals))
