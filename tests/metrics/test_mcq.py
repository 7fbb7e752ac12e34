"""Accuracy on a user's questions of multiple choice, by hand."""

import pytest

from lethe import metrics
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested

WAYS = ["letters", "likelihood"]


def items(rows):
    """Items from options, the right one's number, losses and tokens of letters, then of options."""
    options, right, losses, tokens, subjects = (list(column) for column in zip(*rows, strict=True))
    return ItemSet(
        [f"q{number}" for number in range(len(rows))],
        [some[k] for some, k in zip(options, right, strict=True)],
        option=options,
        prompt=[WAYS] * len(rows),
        option_loss=nested(losses),
        option_tokens=nested(tokens),
        task=subjects,
    )


def computed(**sets):
    records = Records("mcq", [Checkpoint(0, 0, sets)], "mcq.json")
    [checkpoint] = metrics.compute("mcq", records).checkpoints
    return checkpoint


THREE, TWO = ["a", "b", "c"], ["yes", "no"]


def test_letters_count_whole_and_options_by_token():
    rows = [
        # Letters: sums 1, 2, 3, so a; options: means 3, 1, 2, so b.
        (THREE, 0, [1.0, 1.0, 1.0, 3.0, 1.0, 2.0], [1, 2, 3, 9, 9, 9], "Bio logy"),
        # Letters tie; of options the shorter sum is not the lower mean.
        (TWO, 1, [2.0, 2.0, 1.0, 0.5], [1, 1, 1, 4], "chem"),
    ]
    found = computed(forget=items(rows))
    assert found.items["forget_letters"] == [1, 1 / 2]
    assert found.items["forget_likelihood"] == [0, 1]
    assert found.values == {
        "forget_chance": pytest.approx((1 / 3 + 1 / 2) / 2),
        "forget_letters": 3 / 4,
        "forget_likelihood": 1 / 2,
        "forget_letters_bio_logy": 1,
        "forget_letters_chem": 1 / 2,
        "forget_likelihood_bio_logy": 0,
        "forget_likelihood_chem": 1,
    }


def test_a_retain_set_beside_it_and_one_subject():
    one = (TWO, 0, [1.0, 2.0, 2.0, 1.0], [1, 1, 1, 1], "all")
    found = computed(forget=items([one]), retain=items([one, one]))
    assert set(found.values) == {
        f"{name}_{value}"
        for name in ("forget", "retain")
        for value in ("letters", "likelihood", "chance")
    }
    assert (found.values["retain_letters"], found.values["retain_likelihood"]) == (1, 0)
