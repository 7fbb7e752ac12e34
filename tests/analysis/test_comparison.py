"""Two runs side by side: values, paired intervals, and what may not be compared."""

import numpy as np
import pandas as pd
import pytest
from helpers.made_records import SETS, make_set
from scipy import stats

from lethe.analysis.comparison import COLUMNS, Run, compare
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_json
from lethe.metrics.base import CheckpointValues, MetricFile, write_metric

QUESTIONS = [f"Who is {number}?" for number in range(60)]
DRAWN = np.random.default_rng(7)
BEFORE = DRAWN.uniform(0.2, 0.6, 60)
CHANGE = DRAWN.normal(0.1, 0.05, 60)


def write_records(folder, questions, epochs):
    """Records of the suite tofu that ask ``questions`` in every set."""
    columns = {name: make_set(name, len(questions), 0) for name in SETS}
    sets = {name: some | {"question": list(questions)} for name, some in columns.items()}
    points = [{"epoch": epoch, "step": epoch, "sets": sets} for epoch in epochs]
    path = folder / "records" / "tofu.json"
    write_json(path, {"format": 1, "suite": "tofu", "checkpoints": points})


def write_run(folder, items, *, questions=QUESTIONS, epochs=(1, 2), settings=None):
    """A run with the metric probability, and one value that is no mean over items."""
    points = []
    for epoch in epochs:
        own = [float(x) * epoch / epochs[-1] for x in items]
        values = {"forget": float(np.mean(own)), "odd": 2.0 * epoch}
        points.append(CheckpointValues(epoch, epoch, values, {"forget": own}))
    file = MetricFile("probability", points, settings or {})
    write_metric(folder / "metrics" / "probability.json", file)
    if questions:
        write_records(folder, questions, epochs)
    return Run(folder)


@pytest.fixture
def runs(tmp_path):
    one = write_run(tmp_path / "one", BEFORE)
    return one, write_run(tmp_path / "other", BEFORE + CHANGE)


def test_values_and_their_difference(runs):
    table = compare(*runs).set_index("name")
    assert list(table.columns) == [name for name in COLUMNS if name != "name"]
    row = table.loc["forget"]
    assert row["a"] == pytest.approx(BEFORE.mean())
    assert row["difference"] == pytest.approx(CHANGE.mean())
    assert row["items"] == 60
    assert table.loc["odd", "difference"] == 0
    assert table.loc["odd", ["low", "high", "items"]].isna().all()


def test_the_interval_is_of_differences_by_item(runs):
    row = compare(*runs).set_index("name").loc["forget"]
    draws = stats.bootstrap((CHANGE,), np.mean, method="percentile", n_resamples=20000, rng=3)
    assert row["low"] == pytest.approx(draws.confidence_interval.low, abs=1e-3)
    assert row["high"] == pytest.approx(draws.confidence_interval.high, abs=1e-3)
    # Two separate intervals would be wider: items differ more than their changes do.
    assert row["high"] - row["low"] < 4 * BEFORE.std() / np.sqrt(60) / 2


def test_the_truth_ratio_is_compared_by_its_scores(tmp_path):
    ratios = np.array([0.5, 0.8, 1.6])
    for name, change in (("one", 1.0), ("other", 0.5)):
        items = ratios * change
        score = float(np.maximum(0, 1 - items).mean())
        point = CheckpointValues(0, 0, {"retain": score}, {"retain": items.tolist()})
        file = MetricFile("truth_ratio", [point])
        write_metric(tmp_path / name / "metrics" / "truth_ratio.json", file)
        write_records(tmp_path / name, ["a", "b", "c"], [0])
    row = compare(Run(tmp_path / "one"), Run(tmp_path / "other")).iloc[0]
    # 1 - R: 0.5, 0.2, 0 and 0.75, 0.6, 0.2.
    assert row["difference"] == pytest.approx((0.25 + 0.4 + 0.2) / 3)
    assert (row["low"], row["items"]) == (pytest.approx(0.2), 3)


def test_an_epoch_by_number(runs):
    first = [Run(run.folder, 1) for run in runs]
    assert compare(*first).iloc[0]["a"] == pytest.approx(BEFORE.mean() / 2)
    with pytest.raises(LetheError, match="no epoch 5 of probability; it has 1, 2"):
        compare(Run(runs[0].folder, 5), Run(runs[1].folder, 5))


def test_without_records_nothing_is_paired(runs, tmp_path):
    bare = write_run(tmp_path / "bare", BEFORE, questions=())
    row = compare(runs[0], bare).set_index("name").loc["forget"]
    assert row["difference"] == 0
    assert pd.isna(row["low"])


def test_what_may_not_be_compared_is_one_line(runs, tmp_path):
    strangers = write_run(tmp_path / "strangers", BEFORE, questions=QUESTIONS[::-1])
    with pytest.raises(LetheError, match=r"tofu, forget: .* were measured on other rows"):
        compare(runs[0], strangers)
    with pytest.raises(
        LetheError,
        match=r"probability: .* has the settings .*; score both with "
        r"the same",
    ):
        compare(runs[0], write_run(tmp_path / "set", BEFORE, settings={"x": 1}))
    with pytest.raises(LetheError, match="no metric 'probabilit'; did you mean probability"):
        compare(*runs, ["probabilit"])
    with pytest.raises(LetheError, match="no metric files; name a run's folder"):
        compare(runs[0], Run(tmp_path))


@pytest.mark.parametrize("column", ["question", "answer"])
def test_other_rows_are_seen_where_nothing_is_paired(runs, column):
    """Another answer to a question is another row, on which values without items depend as well."""
    records = runs[1].folder / "records" / "tofu.json"
    document = read_json(records)
    for point in document["checkpoints"]:
        point["sets"]["retain"][column] = [f"{text}!" for text in point["sets"]["retain"][column]]
    write_json(records, document)
    for run in runs:
        file = MetricFile("model_utility", [CheckpointValues(1, 1, {"model_utility": 0.5})])
        write_metric(run.folder / "metrics" / "model_utility.json", file)
    with pytest.raises(LetheError, match=r"tofu, retain: .* were measured on other rows"):
        compare(*(Run(run.folder) for run in runs), ["model_utility"])


def test_what_is_compared_is_not_written_over(runs, tmp_path):
    names = [str(run.folder) for run in runs]
    metric = runs[0].folder / "metrics" / "probability.json"
    before = metric.read_bytes()
    for out, said in ((metric, "this file is an input"), (tmp_path, "a folder; name a file in it")):
        with pytest.raises(SystemExit, match=said):
            main(["compare", *names, "--out", str(out)])
    assert metric.read_bytes() == before


def test_the_command_prints_and_writes(runs, tmp_path, capsys):
    out = tmp_path / "table.csv"
    main(["compare", *(str(run.folder) for run in runs), "--out", str(out)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split("\t") == COLUMNS
    assert printed[1].startswith("probability\tforget\t")
    table = pd.read_csv(out)
    pd.testing.assert_frame_equal(table, compare(*runs).astype({"items": float}), check_exact=False)


def test_the_command_writes_over_nothing_of_a_run(runs):
    folders = [str(run.folder) for run in runs]
    metric = next(runs[0].folder.rglob("*.json"))
    for out, words in ((metric, "this file is an input"), (runs[0].folder, "a folder; name a")):
        with pytest.raises(SystemExit, match=words):
            main(["compare", *folders, "--out", str(out)])
