"""The intervals of metric files: which values have one, and that they are read as written."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from helpers import synthetic_metrics as made
from scipy.stats import bootstrap

from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.intervals import COLUMNS, by_place, read_intervals, write_intervals
from lethe.common.errors import LetheError

NPO = (made.MODEL, made.SPLIT, "npo", 0)


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    return made.tofus_own(made.write_world(tmp_path_factory.mktemp("world"), ["npo"]))


def path_of(entries, metric, run="npo"):
    (path,) = (Path(e["path"]) for e in entries if (e["run"], e["metric"]) == (run, metric))
    return path


def test_what_has_an_interval(entries):
    found = by_place(collect_intervals(entries))
    names = {place[-2:] for place in found if place[:4] == NPO}
    sets = {(m, name) for m in made.NINE_METRICS for name in made.SETS}
    utility = {("model_utility", "model_utility"), ("model_utility", "retain_utility")}
    assert names == sets | utility
    # full, retain and five epochs of npo.
    assert len(found) == 7 * (12 + 2)
    values = {
        (*NPO, point["epoch"], metric, name): value
        for metric in (*made.NINE_METRICS, "model_utility")
        for point in json.loads(path_of(entries, metric).read_text())["checkpoints"]
        for name, value in point["values"].items()
    }
    assert all(found[place][0] < value < found[place][1] for place, value in values.items())


@pytest.mark.parametrize(
    ("name", "of_ratio"),
    [("forget", lambda r: min(r, 1 / r)), ("retain", lambda r: max(0, 1 - r))],
)
def test_truth_ratio_interval_is_of_what_is_averaged(entries, name, of_ratio):
    point = json.loads(path_of(entries, "truth_ratio").read_text())["checkpoints"][-1]
    parts = [of_ratio(ratio) for ratio in point["items"][name]]
    theirs = bootstrap((parts,), np.mean, method="percentile", rng=np.random.default_rng(0))
    low, high = by_place(collect_intervals(entries))[*NPO, made.EPOCHS, "truth_ratio", name]
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


def altered(entries, tmp_path, metric, change):
    """The entries, with the metric's file of npo changed."""
    path = path_of(entries, metric)
    document = json.loads(path.read_text())
    change(document["checkpoints"][-1])
    (tmp_path / "changed.json").write_text(json.dumps(document))
    return [e | {"path": str(tmp_path / "changed.json")} if e["path"] == str(path) else e
            for e in entries]  # fmt: skip


def test_a_value_that_is_no_mean_of_its_items_has_none(entries, tmp_path):
    def other_value(point):
        point["values"]["retain"] += 1e-3

    found = by_place(collect_intervals(altered(entries, tmp_path, "rouge", other_value)))
    last = (*NPO, made.EPOCHS)
    assert (*last, "rouge", "retain") not in found
    assert (*last, "model_utility", "model_utility") not in found
    assert (*last, "model_utility", "retain_utility") not in found
    assert (*last, "rouge", "forget") in found
    assert (*NPO, 1, "model_utility", "model_utility") in found


def test_a_metric_more_changes_no_other_interval(entries):
    fewer = by_place(collect_intervals([e for e in entries if e["metric"] != "rouge"]))
    every = by_place(collect_intervals(entries))
    shared = [place for place in fewer if place[-2] != "model_utility"]
    assert len(shared) == 7 * 8
    for place in shared:
        assert fewer[place] == pytest.approx(every[place], rel=1e-12)


def test_the_same_files_give_the_same_bytes(entries, tmp_path):
    for name in ("a.csv", "b.csv"):
        write_intervals(collect_intervals(entries), tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_reading_gives_what_was_written(entries, tmp_path):
    table = collect_intervals(entries)
    write_intervals(table, tmp_path / "intervals.csv")
    assert read_intervals(tmp_path / "intervals.csv") == by_place(table)


def test_no_items_no_intervals(entries, tmp_path):
    only = [entry for entry in entries if entry["metric"] == "forget_quality"]
    write_intervals(collect_intervals(only), tmp_path / "intervals.csv")
    assert (tmp_path / "intervals.csv").read_text().strip() == ",".join(COLUMNS)
    assert read_intervals(tmp_path / "intervals.csv") == {}


@pytest.mark.parametrize("cell", ["", "nan", "low"])
def test_a_broken_cell_is_named_by_line(entries, tmp_path, cell):
    path = tmp_path / "intervals.csv"
    write_intervals(collect_intervals(entries), path)
    lines = path.read_text().splitlines()
    lines[2] = ",".join([*lines[2].split(",")[:-1], cell])
    path.write_text("\n".join(lines))
    with pytest.raises(LetheError, match=r"intervals\.csv, line 3: "):
        read_intervals(path)


def test_a_collapsed_model(entries, tmp_path):
    """R as far as it may go: an interval all the same, and finite."""

    def collapsed(point):
        point["items"]["retain"] = [math.exp(700)] * made.ITEMS
        point["values"]["retain"] = 0.0

    found = by_place(collect_intervals(altered(entries, tmp_path, "truth_ratio", collapsed)))
    last = (*NPO, made.EPOCHS)
    assert found[*last, "truth_ratio", "retain"] == (0, 0)
    assert found[*last, "model_utility", "model_utility"] == (0, 0)
