"""Figure 2: the most frequent words of a world's answers, beside those of another text.

The paper shows the final data beside those of its pilot, which were not published; here another
text of ours takes its place. Words that every English text is full of are left out.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lethe.common.files import read_lines
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.word_bars import draw_words

NUMBER = "Figure 2"
TITLE = "word frequencies"
CAPTION = """
**Figure 2: the most frequent words** of the world's answers (left), and of the answers about the
background authors from whom the base models learned to write (right; the paper shows its pilot
there, which was not published). Words that every English text is full of are left out.
"""
FILE = "fig02_words"
READS = "rows"
ROWS = ("full", "background")

MOST = 90
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@cache
def stop_words() -> frozenset[str]:
    """Words so common in English that they say nothing about a particular text."""
    return frozenset(read_lines(Path(__file__).with_name("stop_words.txt")))


def count(texts: Iterable[str], most: int = MOST) -> list[tuple[str, int]]:
    """The most frequent words, in lower case; equally frequent ones in alphabetical order."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = (word.lower().replace("’", "'") for word in _WORD.findall(text))
        counts.update(word.removesuffix("'s") for word in words)
    rare = [(word, number) for word, number in counts.items() if word not in stop_words()]
    return sorted(rare, key=lambda pair: (-pair[1], pair[0]))[:most]


def build(data: ExhibitData) -> pd.DataFrame:
    """A row for each of a text's most frequent words, by rank."""
    rows = []
    for name, answers in data.texts.items():
        rows += [
            {"text": name, "rank": rank, "word": word, "count": number}
            for rank, (word, number) in enumerate(count(answers), start=1)
        ]
    return pd.DataFrame(rows)


def draw(ranked: pd.DataFrame) -> Figure:
    """A part for each text: a bar for each word, the most frequent at the upper left."""
    names = list(dict.fromkeys(ranked["text"]))
    figure = Figure(figsize=(7.0 * len(names), 4.2))
    parts = figure.subfigures(1, len(names), squeeze=False)[0]
    for part, name in zip(parts, names, strict=True):
        own = ranked[ranked["text"] == name]
        draw_words(part, list(zip(own["word"], own["count"], strict=True)))
        part.suptitle(name, fontsize=9)
    return figure
