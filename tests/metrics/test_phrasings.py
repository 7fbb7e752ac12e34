"""Probabilities by phrasing, by hand."""

import math

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records

PROMPTS = ["plain", "paraphrased", "read_by_full"]


def records(prompts, losses) -> Records:
    items = ItemSet(
        question=["Where?", "When?"],
        answer=["Here.", "Now."],
        prompt=[prompts, prompts],
        prompt_loss=[np.array(row) for row in losses],
    )
    return Records("phrasings", [Checkpoint(2, 8, {"forget": items})], "phrasings.json")


def test_by_hand():
    ln = math.log
    made = metrics.compute(
        "phrasings", records(PROMPTS, [[ln(2), ln(4), 0], [ln(8), ln(4), ln(2)]])
    )
    [point] = made.checkpoints
    assert (point.epoch, point.step) == (2, 8)
    assert point.items["seen"] == pytest.approx([1 / 2, 1 / 8])
    assert point.items["unseen"] == pytest.approx([1 / 4, 1 / 4])
    assert point.items["restored"] == pytest.approx([1, 1 / 2])
    wanted = {"seen": 5 / 16, "unseen": 1 / 4, "restored": 3 / 4, "gap": -1 / 16}
    assert point.values == pytest.approx(wanted)


def test_other_prompts_are_refused():
    with pytest.raises(LetheError, match=r"phrasings\.json: other prompts than plain"):
        metrics.compute("phrasings", records(["plain", "a", "b"], [[1, 1, 1]] * 2))
