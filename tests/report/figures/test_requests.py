"""The figure of a sequence of requests."""

import numpy as np
import pytest
from helpers import made_sequences as made

from lethe.analysis.scores import collect_scores
from lethe.common.errors import LetheError
from lethe.report import figures
from lethe.report.figures.base import FigureData


def asked(tmp_path, seeds=(0,), oracle="without_asked"):
    entries = made.write(tmp_path, seeds)
    scores = collect_scores(entries)
    return FigureData.of(scores, "tiny", "requests", [*made.COURSES], seeds, entries, oracle=oracle)


def drawn(*arguments, **named):
    return figures.draw("requests", asked(*arguments, **named))


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


def test_on_the_page_a_menu_has_the_numbers_that_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "UTILITY", 0.0)
    spec = figures.FIGURES.load("requests").interactive(asked(tmp_path), {"npo": "beta 0.1"})
    traces = {trace["name"]: trace for trace in spec["data"]}
    npo, _, _ = made.COURSES["npo"]
    assert traces["NPO"]["y"] == pytest.approx([row[-1] for row in npo])
    assert traces["NPO"]["x"] == [1, 2, 3]
    assert "beta 0.1" in traces["NPO"]["text"]
    labels = [one["label"] for one in spec["layout"]["updatemenus"][0]["buttons"]]
    # No share of a utility that full has not.
    assert [label.split(",")[0] for label in labels] == [
        *("The request just answered", "Requests before it", "Retain set")
    ]
    earlier = spec["layout"]["updatemenus"][0]["buttons"][1]["args"][0]
    assert earlier["x"][[*traces].index("NPO")] == [2, 3]


def test_by_modality_there_are_two_rows_of_panels(tmp_path):
    figure = figures.draw("request_modalities", asked(tmp_path))
    assert [axes.get_title().split("\n")[1] for axes in figure.axes] == [
        *("by text", "by picture") * 2
    ]
    course, _, _ = made.COURSES["npo"]
    now, earlier = figure.axes[1], figure.axes[3]
    whole = next(line for line in now.lines if [*line.get_xdata()] == [1, 2, 3])
    assert whole.get_ydata() == pytest.approx([0.5 * row[-1] for row in course])
    later = next(line for line in earlier.lines if [*line.get_xdata()] == [2, 3])
    assert later.get_ydata() == pytest.approx([0.2, (0.5 + 0.1) / 4])


def test_a_sequence_without_pictures_has_no_such_figure(tmp_path, monkeypatch):
    after = made.after
    monkeypatch.setattr(made, "after", lambda *values: after(*values, parts={}))
    with pytest.raises(LetheError, match="nothing was asked with pictures"):
        figures.draw("request_modalities", asked(tmp_path))
