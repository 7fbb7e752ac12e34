"""Calibration: values by hand, scikit-learn's where it is installed, and the bins' edges."""

import math

import numpy as np
import pytest
from helpers.made_records import SETS, make_document

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.metrics._calibration import binned

# Probabilities of the right answer and three wrong ones, which add up to 1: (right, wrong ...).
BY_HAND = [(0.7, 0.1, 0.1, 0.1), (0.4, 0.5, 0.05, 0.05), (0.75, 0.05, 0.1, 0.1)]


@pytest.fixture
def by_hand(records):
    """On each set the options by hand, whose common scale must not matter."""
    document = make_document(n=len(BY_HAND))
    for name, columns in document["checkpoints"][0]["sets"].items():
        losses = [[-math.log(p) + 800 for p in options] for options in BY_HAND]
        # A fourth wrong answer, which does not take part.
        wrong = [[*row[1:], 0.0] for row in losses]
        columns["perturbed_loss"] = wrong
        columns["perturbed_tokens"] = [[3] * 4 for _ in wrong]
        right = [row[0] for row in losses]
        paraphrased = name in ("forget", "retain")
        columns["paraphrase_loss" if paraphrased else "answer_loss"] = right
    return records(document)


def test_values_by_hand(by_hand):
    [made] = metrics.compute("calibration", by_hand).checkpoints
    brier = [0.09 + 0.03, 0.36 + 0.25 + 0.005, 0.0625 + 0.0225]
    # Bins [0.5, 0.6) with a wrong item and [0.7, 0.8) with two right ones.
    gaps = [0.5, 1 - 0.725]
    for name in SETS:
        assert made.items[f"{name}_brier"] == pytest.approx(brier, rel=1e-9)
        assert made.items[f"{name}_confidence"] == pytest.approx([0.7, 0.5, 0.75], rel=1e-9)
        assert made.items[f"{name}_accuracy"] == [1, 0, 1]
        assert made.values[f"{name}_brier"] == pytest.approx(sum(brier) / 3, rel=1e-9)
        assert made.values[f"{name}_accuracy"] == pytest.approx(2 / 3)
        assert made.values[f"{name}_ece"] == pytest.approx((gaps[0] + 2 * gaps[1]) / 3, rel=1e-9)
        assert made.values[f"{name}_mce"] == pytest.approx(gaps[0], rel=1e-9)


def test_bins_options_and_the_right_answer_are_settings(by_hand):
    one = metrics.compute("calibration", by_hand, bins=1).checkpoints[0].values
    assert one["forget_ece"] == one["forget_mce"] == pytest.approx(2 / 3 - 1.95 / 3, rel=1e-9)
    two = metrics.compute("calibration", by_hand, options=2).checkpoints[0].items
    assert two["forget_confidence"] == pytest.approx([7 / 8, 5 / 9, 15 / 16], rel=1e-9)
    five = metrics.compute("calibration", by_hand, options=5).checkpoints[0].items
    assert five["forget_accuracy"] == [0, 0, 0]
    items = by_hand.checkpoints[0].sets["forget"]
    items.answer_loss[:] = 0.0
    answer = metrics.compute("calibration", by_hand, right="answer")
    assert answer.checkpoints[0].items["forget_confidence"] == pytest.approx([1, 1, 1])
    assert answer.settings == {"right": "answer", "bins": 10, "options": 4}


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("bins", 0, "a whole number from 1 to at most 999"),
        ("bins", "ten", "a whole number from 1 to at most 999"),
        ("bins", True, "a whole number from 1 to at most 999"),
        ("options", 1, "a whole number from 2 to at most 99"),
        ("right", "wrong", "paraphrase or answer"),
    ],
)
def test_a_setting_without_meaning_is_one_line(key, value, wanted):
    with pytest.raises(
        LetheError, match=f"^metric 'calibration': {key} is .*; set it to {wanted}$"
    ):
        metrics.settings_of("calibration", {key: value})


def test_equal_options_are_no_right_choice(by_hand):
    items = by_hand.checkpoints[0].sets["retain"]
    items.paraphrase_loss[:], items.perturbed_loss[:] = 2.0, 2.0
    made = metrics.compute("calibration", by_hand).checkpoints[0]
    assert made.items["retain_confidence"] == [0.25] * 3
    assert made.values["retain_accuracy"] == 0.0
    assert made.values["retain_ece"] == 0.25


def test_items_without_wrong_answers_are_refused(records):
    document = make_document(n=2)
    columns = document["checkpoints"][0]["sets"]["real_authors"]
    columns["perturbed_loss"][1], columns["perturbed_tokens"][1] = [], []
    with pytest.raises(LetheError, match="set 'real_authors': 1 of 2 items have no wrong answers"):
        metrics.compute("calibration", records(document))


def test_a_bin_holds_its_lower_end_and_the_last_both():
    ends = np.array([0.0, 0.1, 0.3, 0.7, 0.9, 1.0])
    made = binned(ends, np.array([0, 0, 0, 0, 0, 1.0]), 10)
    assert made.count.tolist() == [1, 1, 1, 1, 2]
    assert made.confidence.tolist() == pytest.approx([0, 0.1, 0.3, 0.7, 0.95])
    assert made.accuracy.tolist() == [0, 0, 0, 0, 0.5]


def test_bins_by_a_loop():
    generator = np.random.default_rng(5)
    confidence = generator.beta(4, 2, 500)
    correct = (generator.random(500) < confidence**2).astype(float)
    for bins in (1, 3, 10, 20):
        gaps, shares = [], []
        for number in range(bins):
            low, high = number / bins, (number + 1) / bins
            mine = [i for i, p in enumerate(confidence) if low <= p < high]
            if mine:
                gaps.append(abs(correct[mine].mean() - confidence[mine].mean()))
                shares.append(len(mine) / 500)
        made = binned(confidence, correct, bins)
        assert made.largest_error == pytest.approx(max(gaps), rel=1e-12)
        assert made.expected_error == pytest.approx(np.dot(gaps, shares), rel=1e-12)


def test_scikit_learn_agrees(by_hand):
    calibration = pytest.importorskip("sklearn.calibration")
    scored = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(6)
    confidence = generator.uniform(0.25, 1.0, 300)
    correct = (generator.random(300) < confidence).astype(float)
    accuracy, mean = calibration.calibration_curve(correct, confidence, n_bins=10)
    made = binned(confidence, correct, 10)
    assert made.accuracy == pytest.approx(accuracy, rel=1e-12)
    assert made.confidence == pytest.approx(mean, rel=1e-12)
    values = metrics.compute("calibration", by_hand).checkpoints[0].values
    brier = scored.brier_score_loss([0, 0, 0], BY_HAND, labels=[0, 1, 2, 3], scale_by_half=False)
    assert values["forget_brier"] == pytest.approx(brier, rel=1e-9)
