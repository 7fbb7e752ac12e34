"""ROUGE-L of PPU-Bench's greedy answers, by hand."""

import pytest
from helpers.made_records import make_document, make_set

from lethe import metrics


def test_forget_and_retain_and_their_gap(save):
    from lethe.evaluate.records import read_records

    document = make_document(epochs=(1,), n=2) | {"suite": "lume"}
    sets = {}
    for name, said in (("forget", ["one", "three"]), ("retain", ["one two", "one"])):
        sets[name] = make_set("forget", 2, 0) | {"answer": ["one two"] * 2, "generation": said}
        sets[name] |= {"task": ["generation"] * 2, "form": ["question"] * 2}
    document["checkpoints"][0]["sets"] = sets
    records = read_records(save(document, "lume.json"))
    (point,) = metrics.compute("ppu_generation", records).checkpoints
    assert point.values == pytest.approx({"forget": 0.25, "retain": 0.75, "gap": 0.5})
    assert point.items["forget"] == [0.5, 0.0]
