"""Figures of splits that forget some facts of an author, or a share of a behaviour."""

import numpy as np
import pytest
from helpers import synthetic_metrics as made

from lethe.report import figures
from lethe.report.figures.kept_over_forgotten import path


def test_what_is_kept_is_a_share_of_fulls(data):
    course = path(data, "npo", "kept_probability")
    full, npo = (
        data.mean(run, "same_author_retain", "kept_probability") for run in ("full", "npo")
    )
    assert course[0].tolist() == [data.last("full", "probability", "forget")[0], 1.0]
    np.testing.assert_allclose(course[1:, 1], npo.values / full.values[0])
    np.testing.assert_allclose(course[1:, 0], data.mean("npo", "probability", "forget").values)


@pytest.mark.parametrize(
    ("name", "metric", "panels"),
    [
        ("kept_over_forgotten", "same_author_retain", ("kept_probability", "others_probability")),
        ("two_oracles", "generalisation", ("probability", "js", "ks")),
        ("deep_unlearning", "deep_unlearning", ("recall", "deducible")),
    ],
)
def test_panels_have_a_line_for_each_method(name, metric, panels, data):
    figure = figures.draw(name, data)
    assert len(figure.axes) == len(panels)
    for axes, panel in zip(figure.axes, panels, strict=True):
        courses = [line for line in axes.lines if len(line.get_xdata()) == 1 + made.EPOCHS]
        assert len(courses) == len(made.METHODS)
        key = f"without_all_{panel}" if metric == "generalisation" else panel
        for method, line in zip(made.METHODS, courses, strict=True):
            drawn = line.get_ydata()[-1] * (
                data.last("full", metric, key)[0] if metric == "same_author_retain" else 1
            )
            assert drawn == pytest.approx(data.last(method, metric, key)[0])


def test_the_plane_of_oracles_is_square(data):
    for axes in figures.draw("two_oracles", data).axes:
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_xlim()[0] == 0
