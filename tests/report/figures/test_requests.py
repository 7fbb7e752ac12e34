"""The figure of a sequence of requests."""

import numpy as np
import pytest
from helpers import made_sequences as made

from lethe.analysis.scores import collect_scores
from lethe.report import figures
from lethe.report.figures.base import FigureData


def drawn(tmp_path, seeds=(0,), oracle="without_asked"):
    entries = made.write(tmp_path, seeds)
    scores = collect_scores(entries)
    data = FigureData.of(scores, "tiny", "requests", [*made.COURSES], seeds, entries, oracle=oracle)
    return figures.draw("requests", data)


def test_panels_have_a_line_over_requests_for_each_method(tmp_path):
    axes = drawn(tmp_path).axes
    assert len(axes) == 4
    now, earlier, retained, utility = (
        [line for line in one.lines if len(line.get_xdata()) > 2 or one is axes[1]] for one in axes
    )
    asked, retain, kept = made.COURSES["npo"]
    assert now[0].get_ydata() == pytest.approx([row[-1] for row in asked])
    assert retained[0].get_ydata() == pytest.approx(np.array(retain) / made.RETAIN)
    assert utility[0].get_ydata() == pytest.approx(np.array(kept) / made.UTILITY)
    # Before the second request there is no earlier one.
    course = next(line for line in earlier if [*line.get_xdata()] == [2, 3])
    assert course.get_ydata() == pytest.approx([0.4, (0.5 + 0.1) / 2])


def test_the_range_over_seeds_is_shaded(tmp_path):
    def shaded(figure):
        return sum(type(one).__name__ == "FillBetweenPolyCollection" for one in _parts(figure))

    assert shaded(drawn(tmp_path)) == 0
    assert shaded(drawn(tmp_path, (0, 1))) == 4 * len(made.COURSES)


def test_without_an_oracle_there_is_none(tmp_path):
    with_it, without = (drawn(tmp_path, oracle=name) for name in ("without_asked", "full"))
    assert len([*_parts(with_it)]) == len([*_parts(without)]) + 4


def _parts(figure):
    return [part for axes in figure.axes for part in axes.collections]


def test_a_share_that_is_not_defined_is_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "UTILITY", 0.0)
    axes = drawn(tmp_path).axes
    assert [text.get_text() for text in axes[3].texts] == ["full has none"]
    assert not axes[3].lines
    assert axes[2].lines
