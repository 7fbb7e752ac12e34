"""LMI, shortcut words and P_SC by hand; F1 against scikit-learn where it is installed."""

from math import log

import pytest

from lethe import metrics
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics.shortcuts import chance_of, f1_of, lmi, shortcut_words

PROMPTS = [["where", "ana"], ["where", "ben", "ana"], ["who", "ana"], ["who", "ben", "ben"]]
LABELS = ["A", "A", "B", "B"]


def test_lmi_by_hand():
    scores = lmi(PROMPTS, LABELS)
    # "where" stands in 2 of 4 prompts, both with A: 1/2 * log(1 / (1/2)).
    assert scores["A"]["where"] == pytest.approx(0.5 * log(2))
    assert "where" not in scores["B"]
    # "ana" in 3, 2 of them with A: 1/2 * log((2/3) / (1/2)).
    assert scores["A"]["ana"] == pytest.approx(0.5 * log(4 / 3))
    assert scores["B"]["ana"] == pytest.approx(0.25 * log(2 / 3))
    # A word counts once in a prompt; "ben" is as frequent with either.
    assert scores["A"]["ben"] == scores["B"]["ben"] == 0


def test_shortcut_words_are_the_best_of_each_letter():
    scores = lmi(PROMPTS, LABELS)
    assert shortcut_words(scores, 0.05) == {"where", "who"}
    assert shortcut_words(scores, 0.5) == {"where", "ana", "who"}
    # Words of no lift are none, however many may be.
    assert shortcut_words(scores, 1) == {"where", "ana", "who"}
    assert shortcut_words(lmi([["x"], ["x"]], ["A", "B"]), 1) == set()


def test_chance_by_hand():
    # Two of four words drawn, one of them a shortcut: in half of the draws.
    assert chance_of(4, 1, 2) == pytest.approx(0.5)
    assert chance_of(4, 0, 2) == 0
    assert chance_of(3, 1, 10) == 1
    assert chance_of(5, 5, 1) == 1


def test_f1_by_hand():
    # A: 1 hit, 1 miss; B: 1 hit, 1 false alarm: both 2/3.
    assert f1_of(["A", "A", "B"], ["A", "B", "B"]) == pytest.approx(2 / 3)
    assert f1_of(["A", "B"], ["B", "A"]) == 0
    assert f1_of(["A", "A"], ["A", "C"]) == pytest.approx(2 / 3)


def test_f1_is_scikit_learns():
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, said = list("AABBCCDDAB"), list("ABBBCADDAC")
    wanted = sklearn.f1_score(labels, said, average="macro")
    assert f1_of(labels, said) == pytest.approx(wanted)


def test_a_record_by_hand():
    items = ItemSet(
        question=["1?", "2?", "3?", "4?"],
        answer=["x"] * 4,
        label=LABELS,
        predicted=["A", "B", "B", "B"],
        word=[list(dict.fromkeys(some)) for some in PROMPTS],
        # Only of the first the largest attribution, here a negative one, is a shortcut's.
        word_attribution=nested([[-3.0, 1.0], [1.0, 2.0, 0.0], [0.5, 0.6], [0.1, 0.2]], float),
        attributed=nested([[1.0, 1.0], [2.0, 3.0], [-1.0, -1.0], [0.0, -1.0]], float),
    )
    records = Records("attributions", [Checkpoint(0, 0, {"forget": items, "retain": items})])
    (scored,) = metrics.compute("shortcuts", records, top=1).checkpoints
    assert scored.items["forget"] == [1, 0, 0, 0]
    assert scored.items["forget_chance"] == [0.5, pytest.approx(1 / 3), 0.5, 0.5]
    assert scored.items["forget_accuracy"] == [1, 0, 1, 1]
    values = {key: value for key, value in scored.values.items() if key.startswith("forget")}
    assert values == {
        "forget": 0.25,
        "forget_chance": pytest.approx((0.5 + 1 / 3 + 0.5 + 0.5) / 4),
        "forget_accuracy": 0.75,
        "forget_f1": pytest.approx((2 / 3 + 0.8) / 2),
        "forget_gap": pytest.approx(2 / 6),
    }
    (wide,) = metrics.compute("shortcuts", records, top=3).checkpoints
    assert wide.values["forget"] == 1
