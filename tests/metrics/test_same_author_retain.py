"""What is kept of the same authors and of others, by hand."""

import math

import pytest
from helpers.made_records import make_document

from lethe import metrics
from lethe.metrics.base import CheckpointValues, MetricFile


def test_kept_and_others_and_their_gap(save):
    from lethe.evaluate.records import read_records

    document = make_document(epochs=(1, 2), n=3) | {"suite": "kept"}
    for checkpoint in document["checkpoints"]:
        kept = checkpoint["sets"].pop("forget")
        kept["answer"] = ["one two", "one two", "one two"]
        kept["generation"] = ["one two", "one", "three"]
        kept["answer_loss"] = [0.0, math.log(2), math.log(4) * checkpoint["epoch"]]
        checkpoint["sets"] = {"kept": kept}
    records = read_records(save(document, "kept.json"))
    needs = {
        name: MetricFile(
            name,
            [
                CheckpointValues(point.epoch, point.step, {"retain": 0.9}, {"retain": [0.8, 1.0]})
                for point in records.checkpoints
            ],
        )
        for name in ("probability", "rouge")
    }
    first, second = metrics.compute("same_author_retain", records, needs).checkpoints
    assert first.values == pytest.approx(
        {
            "kept_probability": (1 + 0.5 + 0.25) / 3,
            "others_probability": 0.9,
            "gap_probability": 0.9 - 1.75 / 3,
            "kept_rouge": 0.5,
            "others_rouge": 0.9,
            "gap_rouge": 0.4,
        }
    )
    assert second.values["kept_probability"] == pytest.approx((1 + 0.5 + 1 / 16) / 3)
    assert first.items["kept_rouge"] == [1.0, 0.5, 0.0]
    assert first.items["others_rouge"] == [0.8, 1.0]
