"""Bars for frequent words: horizontal, so that the words can be read."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

COLUMNS = 3
# Not a colour of a run or a set of questions (``lethe.report.style``).
COLOUR = "#5F6B7A"
WORD_SIZE = 6  # points


def draw_words(figure: FigureBase, counts: Sequence[tuple[str, int]]) -> list[Axes]:
    """The words with their counts in columns, from the top, the most frequent first."""
    row = figure.subplots(1, COLUMNS, sharex=True)
    longest = -(-len(counts) // COLUMNS) or 1
    for number, axes in enumerate(row):
        part = counts[number * longest : (number + 1) * longest]
        places = range(len(part))
        axes.barh(places, [count for _, count in part], 0.8, color=COLOUR)
        axes.set_yticks(places, [word for word, _ in part], fontsize=WORD_SIZE)
        axes.set_ylim(longest - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, pad=1)
        axes.grid(False, axis="y")
    row[COLUMNS // 2].set_xlabel("Number of times")
    return list(row)
