"""What is known by picture, in unseen views and without the right picture, by hand."""

import math

import pytest
from helpers.made_records import make_document, make_set

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.suite import contract
from lethe.metrics.pictures import SETS, VIEWS

# The answer's probability in each set.
KNOWN = {
    **{"text": 0.9, "picture": 0.8, "both": 1.0, "no_picture": 0.1, "other_picture": 0.3},
    **{"retain_picture": 0.6, "pose": 0.4, "style": 0.2, "retain_unseen": 0.5},
}


def document(names) -> dict:
    made = make_document(epochs=(1,), n=2) | {"suite": "pictures"}
    sets = {}
    for name in names:
        some = make_set("forget", 2, 0)
        some["answer"] = ["one two", "one two"]
        some["generation"] = ["one two", "one two" if name == "picture" else "one"]
        if name == "both":
            some["generation"][1] = "one, but I don't know"
        some["answer_loss"] = [-math.log(KNOWN[name])] * 2
        sets[name] = some
    made["checkpoints"][0]["sets"] = sets
    return made


def computed(save, names):
    from lethe.evaluate.records import read_records

    records = read_records(save(document(names), "pictures.json"))
    return metrics.compute("pictures", records).checkpoints[0]


def test_values_and_gaps(save):
    point = computed(save, KNOWN)
    expected = {f"{name}_probability": value for name, value in KNOWN.items()}
    expected |= {f"{name}_rouge": 1.0 if name == "picture" else 0.75 for name in KNOWN}
    expected |= {"unseen_probability": 0.3, "gap_probability": -0.5}
    expected |= {"retain_gap_probability": -0.1, "by_picture_probability": 0.5}
    expected |= {"unseen_rouge": 0.75, "gap_rouge": -0.25}
    expected |= {"retain_gap_rouge": 0.0, "by_picture_rouge": 0.25}
    expected |= {f"{name}_refused": 0.5 if name == "both" else 0.0 for name in KNOWN}
    others = ("unseen", "gap", "retain_gap", "by_picture")
    expected |= {f"{name}_refused": 0.0 for name in others}
    assert point.values == pytest.approx(expected)
    assert point.items["text_rouge"] == [1.0, 0.5]


def test_without_unseen_views_there_is_no_gap(save):
    values = computed(save, SETS).values
    assert not [name for name in values if "gap" in name or "unseen" in name]
    assert values["by_picture_probability"] == pytest.approx(0.5)


def test_a_set_that_is_missing_is_named(save):
    with pytest.raises(LetheError, match="no set 'both'"):
        computed(save, [name for name in SETS if name != "both"])


def test_the_metric_and_the_suite_have_the_same_sets():
    declared = contract("pictures")
    assert {*SETS, *VIEWS, "retain_unseen"} == declared.sets.keys()
    assert {*VIEWS, "retain_unseen"} == {*declared.optional}
