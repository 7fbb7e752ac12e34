"""Surface and knowledge of answers, by hand."""

import pytest

from lethe import metrics
from lethe.evaluate.records import Checkpoint, ItemSet, Records
from lethe.metrics.surface import overlap


@pytest.mark.parametrize(
    ("text", "other", "share"),
    [
        ("a b c d e", "a b c d e", 1.0),
        ("A b, c d!", "x a b c d y", 1.0),
        # Two runs, b c d e and a b c d, of which one is there.
        ("a b c d e", "z a b c d", 0.5),
        ("a b c", "a b c", 1.0),
        ("a b c", "a b c d", 0.0),
        ("", "a b", 0.0),
    ],
)
def test_overlap_by_hand(text, other, share):
    assert overlap(text, other) == share


def test_facts_may_be_told_in_other_words():
    items = ItemSet(
        question=["Where was Anna born?"],
        answer=["Anna was born in Lima, Peru."],
        generation=["Lima in Peru is where she comes from."],
    )
    records = Records("tofu", [Checkpoint(0, 0, {"forget": items})], "tofu.json")
    [made] = metrics.compute("surface", records).checkpoints
    assert made.values == {"ngram_overlap": 0.0, "fact_recall": 1.0}
