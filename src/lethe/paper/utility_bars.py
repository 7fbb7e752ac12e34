"""The nine numbers of model utility of a finetuned model and an oracle, from scores of logs."""

import pandas as pd
from matplotlib.figure import Figure

from lethe.figures import utility_bars
from lethe.figures.base import FigureData
from lethe.tables.intervals import Intervals


def draw(scores: pd.DataFrame, intervals: Intervals, model: str, split: str) -> Figure:
    """Lethe's own figure, without methods."""
    own = scores[(scores["model"] == model) & (scores["split"] == split)]
    return utility_bars.draw(FigureData(own, model, split, (), (0,), intervals=intervals))
