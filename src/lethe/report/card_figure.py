"""The most frequent words of a world, as in Figure 2 of TOFU (Maini et al. 2024)."""

import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from lethe.common.files import whole_file
from lethe.world.card import word_counts

WORDS = 90
# Only the style file: ``lethe.report.style`` knows about runs, which a world does not have.
_STYLE = Path(__file__).with_name("lethe.mplstyle")
_BLUE = "#0072B2"


def write_words(rows: Sequence[dict], png: str | os.PathLike, words: int = WORDS) -> None:
    """Draw bars for the ``words`` most frequent words of questions and answers."""
    counts = word_counts(rows).most_common(words)
    with matplotlib.style.context(["default", str(_STYLE)]):
        figure = Figure(figsize=(7.0, 2.4))
        axes = figure.subplots()
        places = range(len(counts))
        axes.bar(places, [count for _, count in counts], color=_BLUE, width=0.8)
        axes.set_xticks(places, [word for word, _ in counts], rotation=90, fontsize=4)
        axes.set_xlim(-0.8, len(counts) - 0.2)
        axes.tick_params(axis="x", length=0)
        axes.grid(False, axis="x")
        axes.set_ylabel("Number of times")
        with whole_file(png) as file:
            # With matplotlib's version in the file, two equal worlds would have different figures.
            figure.savefig(file, format="png", metadata={"Software": None})
