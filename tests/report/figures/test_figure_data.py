"""What figures draw from, and its errors."""

import json

import numpy as np
import pytest
from helpers import synthetic_metrics as made

from lethe.analysis.scores import collect_scores, read_scores, write_scores
from lethe.common.errors import LetheError
from lethe.report import figures
from lethe.report.figures.base import FigureData


def test_course_is_sorted_by_epoch(entries):
    shuffled = collect_scores(entries).sample(frac=1, random_state=0)
    data = FigureData.of(shuffled, made.MODEL, made.SPLIT, made.METHODS, [0])
    course = data.course("npo", "rouge", "forget", 0)
    assert course.epochs.tolist() == [1, 2, 3, 4, 5]
    assert course.steps.tolist() == [12, 24, 36, 48, 60]


def test_mean_over_seeds(several_seeds):
    single = [several_seeds.course("npo", "rouge", "forget", seed).values for seed in (0, 1, 2)]
    mean = several_seeds.mean("npo", "rouge", "forget")
    np.testing.assert_allclose(mean.values, sum(single) / 3)
    assert several_seeds.last("npo", "rouge", "forget").tolist() == [v[-1] for v in single]


def test_interval_over_seeds_is_their_range(several_seeds):
    low, high = several_seeds.interval("npo", "rouge", "forget")
    single = [several_seeds.course("npo", "rouge", "forget", seed).values for seed in (0, 1, 2)]
    assert low.tolist() == np.min(single, axis=0).tolist()
    assert high.tolist() == np.max(single, axis=0).tolist()


def test_interval_of_one_seed_is_over_items(data):
    low, high = data.interval("npo", "rouge", "forget")
    place = (made.MODEL, made.SPLIT, "npo", 0)
    ends = [data.intervals[*place, epoch, "rouge", "forget"] for epoch in (1, 2, 3, 4, 5)]
    assert list(zip(low, high, strict=True)) == ends
    assert np.isnan(data.interval("npo", "forget_quality", "forget_quality")).all()


def test_oracle_pairs_are_those_of_the_files(tmp_path):
    entries = made.write_world(tmp_path, ["npo"], other_oracles=(100, 101))
    data = made.figure_data(entries, ["npo"])
    assert len(data.oracle_pairs().p) == 3
    assert made.figure_data(made.write_world(tmp_path, ["npo"]), ["npo"]).oracle_pairs() is None


def test_items_are_those_of_the_file(data, entries):
    (path,) = (e["path"] for e in entries if (e["run"], e["metric"]) == ("npo", "truth_ratio"))
    with open(path) as handle:
        checkpoints = json.load(handle)["checkpoints"]
    assert data.items("npo", "truth_ratio", "forget").tolist() == checkpoints[-1]["items"]["forget"]
    first = data.items("npo", "truth_ratio", "forget", epoch=1)
    assert first.tolist() == checkpoints[0]["items"]["forget"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("npo", "truth_ratio", "forget", 9), "no epoch 9"),
        (("npo", "truth_ratio", "holdout"), "no items of the set 'holdout'"),
        (("npo", "model_utility", "forget"), "no items of the set 'forget'"),
        (("dpo", "truth_ratio", "forget"), "tiny/forget10/dpo/seed0"),
    ],
)
def test_missing_items(data, call, words):
    with pytest.raises(LetheError, match=words):
        data.items(*call)


def test_a_method_without_scores_is_an_error(entries):
    with pytest.raises(LetheError, match="no rows for tiny/forget10/dpo"):
        FigureData.of(collect_scores(entries), made.MODEL, made.SPLIT, ["npo", "dpo"], [0])


def test_a_seed_without_scores_is_an_error_that_names_the_file(entries, tmp_path):
    write_scores(collect_scores(entries), tmp_path / "scores.csv")
    scores = read_scores(tmp_path / "scores.csv")
    data = FigureData.of(scores, made.MODEL, made.SPLIT, ["npo"], [0, 5])
    with pytest.raises(LetheError, match=r"scores\.csv: tiny/forget10/npo/seed5"):
        figures.draw("trajectories", data)


def test_seeds_with_different_epochs_are_an_error(entries):
    scores = collect_scores(entries)
    second = scores.assign(seed=1)
    scores = type(scores)(np.vstack([scores, second[second["epoch"] < 5]]), columns=scores.columns)
    data = FigureData.of(scores, made.MODEL, made.SPLIT, ["npo"], [0, 1])
    with pytest.raises(LetheError, match=r"npo/seed1 .* other epochs"):
        data.mean("npo", "rouge", "forget")


@pytest.mark.parametrize(("methods", "seeds"), [([], [0]), (["npo"], [])])
def test_nothing_to_draw(entries, methods, seeds):
    with pytest.raises(LetheError, match="name at least one"):
        FigureData.of(collect_scores(entries), made.MODEL, made.SPLIT, methods, seeds)
