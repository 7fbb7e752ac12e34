"""The reliability figure: its points are the bins' means, its titles the calibration error."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import synthetic_metrics as made
from matplotlib.collections import PathCollection

from lethe.metrics._calibration import binned
from lethe.report import figures
from lethe.report.labels import SETS


def bins_of(data, run, name="forget", bins=10):
    numbers = ("confidence", "accuracy")
    return binned(*(data.items(run, "calibration", f"{name}_{n}") for n in numbers), bins)


def test_panels_show_the_bins_of_the_run_and_of_the_oracle(data):
    figure = figures.draw("reliability", data)
    assert len(figure.axes) == 1 + len(made.METHODS)
    for run, axes in zip(("full", *made.METHODS), figure.axes, strict=True):
        dots = [c for c in axes.collections if isinstance(c, PathCollection)]
        for name, drawn in zip(("retain", run), dots, strict=True):
            bins = bins_of(data, name)
            assert len(bins.count) > 1
            points = np.column_stack([bins.confidence, bins.accuracy])
            np.testing.assert_allclose(drawn.get_offsets(), points)
            order = np.argsort(bins.count, kind="stable")
            assert (np.diff(drawn.get_sizes()[order]) >= 0).all()
        assert axes.get_title().endswith(f"ECE {bins_of(data, run).expected_error:.2f}")
        assert [0, 1] in [list(line.get_xdata()) for line in axes.lines]
        low, high = axes.get_ylim()
        assert low < 0 < 1 < high


def test_the_bins_are_as_many_as_the_metric_has(data, tmp_path):
    files = {}
    for place, path in data.files.items():
        files[place] = path
        if place[2] == "calibration":
            document = json.loads(Path(path).read_text(encoding="utf-8")) | {
                "settings": {"bins": 2}
            }
            files[place] = str(tmp_path / f"{place[0]}.json")
            (tmp_path / f"{place[0]}.json").write_text(json.dumps(document))
    axes = figures.draw("reliability", replace(data, files=files)).axes[0]
    full = [c for c in axes.collections if isinstance(c, PathCollection)][1]
    two = bins_of(data, "full", bins=2)
    assert full.get_offsets()[:, 0].tolist() == pytest.approx(two.confidence.tolist())


def test_the_page_has_a_menu_of_the_sets(data):
    spec = figures.FIGURES.load("reliability").interactive(data, {"npo": "beta 0.1"})
    lines = [trace for trace in spec["data"] if trace["mode"] == "lines+markers"]
    assert len(lines) == 2 + len(made.METHODS)
    buttons = spec["layout"]["updatemenus"][0]["buttons"]
    assert {button["label"] for button in buttons} == set(SETS.values())
    assert buttons[0]["label"] == SETS["forget"]
    for button in buttons:
        change, _, traces = button["args"]
        assert traces == list(range(len(lines)))
        assert {len(values) for values in change.values()} == {len(lines)}
    for number, line in enumerate(lines):
        first = buttons[0]["args"][0]
        assert (line["x"], line["y"]) == (first["x"][number], first["y"][number])
        assert line["marker"]["size"] == first["marker.size"][number]
    retain = next(button for button in buttons if button["label"] == SETS["retain"])
    expected = bins_of(data, "full", "retain").accuracy.round(4).tolist()
    assert retain["args"][0]["y"][0] == expected
