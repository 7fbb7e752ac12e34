"""The most frequent words of a world, as in Figure 2 of TOFU (Maini et al. 2024)."""

import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from lethe.common.files import whole_file
from lethe.report.word_bars import draw_words
from lethe.world.card import word_counts

WORDS = 90
# Only the style file: ``lethe.report.style`` knows about runs, which a world does not have.
_STYLE = Path(__file__).with_name("lethe.mplstyle")


def write_words(rows: Sequence[dict], png: str | os.PathLike, words: int = WORDS) -> None:
    """Draw bars for the ``words`` most frequent words of questions and answers."""
    counts = word_counts(rows).most_common(words)
    with matplotlib.style.context(["default", str(_STYLE)]):
        figure = Figure(figsize=(7.0, 4.2))
        draw_words(figure, counts)
        with whole_file(png) as file:
            # With matplotlib's version in the file, two equal worlds would have different figures.
            figure.savefig(file, format="png", metadata={"Software": None})
