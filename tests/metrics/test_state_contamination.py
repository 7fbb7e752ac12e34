"""SPG by hand, of memories below and above the threshold."""

import math

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.memories import CHANNELS, ORIGINS, REDACTIONS, name_of
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics.base import read_metric, write_metric
from lethe.metrics.state_contamination import percentile

ANSWER = "born in Ghent today"  # four words: each is a quarter of the recall
ALL = [name_of(o, c, r) for o in ORIGINS for c in CHANNELS for r in REDACTIONS]


def recorded(told, scores, count=2):
    """``told`` and ``scores`` by memory, for each item; the others leak nothing, score 0."""
    names = ["plain", *ALL]
    blank = [""] * count
    items = ItemSet(
        question=[f"q{k}" for k in range(count)] + ["nobody"],
        answer=[ANSWER] * (count + 1),
        prompt=[names] * count + [["plain"]],
        prompt_text=[names] * count + [["plain"]],
        prompt_generation=[[told.get(n, blank)[k] for n in names] for k in range(count)] + [[""]],
        prompt_loss=nested([[math.log(2)] * len(names)] * count + [[0.0]], float),
        prompt_score=nested(
            [[scores.get(n, [0.0] * count)[k] for n in names] for k in range(count)] + [[0.0]],
            float,
        ),
    )
    return Records("agent_memory", [Checkpoint(1, 1, {"forget": items, "retain": items})], "m.json")


TOLD = {
    "forget_summary_none": ["born in Ghent today", "in Ghent"],  # 1, 1/2
    "neutral_summary_none": ["today", "x"],  # 1/4, 0
    "forget_transcript_none": ["Ghent", "born in Ghent"],  # 1/4 flagged, 3/4
    "neutral_transcript_none": ["x", "in"],  # 0, 1/4
    "forget_buffer_none": ["born in Ghent today"] * 2,  # both flagged
    "forget_summary_after": ["born in", "x"],  # 1/2, 0
}
SCORES = {"forget_transcript_none": [0.5, 0.0], "forget_buffer_none": [1.0, 0.9]}


def test_gaps_by_hand(tmp_path):
    file = metrics.compute("state_contamination", recorded(TOLD, SCORES))
    values = file.checkpoints[0].values
    assert values["spg_summary_none"] == 0.75 - 0.125
    # The first transcript is flagged at its score of 0.5; neutral ones all pass.
    assert values["spg_transcript_none"] == 0.75 - 0.125
    assert "spg_buffer_none" not in values
    assert (values["passed_buffer_none"], values["passed_transcript_none"]) == (0, 0.5)
    assert values["passed_none"] == 0.5
    assert (values["leak_none"], values["neutral_none"], values["spg_none"]) == (0.75, 0.125, 0.625)
    assert (values["spg_before"], values["spg_summary_after"]) == (0, 0.25)
    assert values["spg_after"] == pytest.approx(0.25 / 3)
    assert values["spg_probability_none"] == 0
    # First item: the summary alone, 3/4; the second: summary 1/2 and transcript 1/2.
    assert file.checkpoints[0].items["paired_none"] == [0.75, 0.5]
    assert values["paired_none"] == 0.625
    assert (values["questions"], values["left_out"], values["plain"]) == (2, 1, 0)
    write_metric(tmp_path / "f.json", file)
    assert read_metric(tmp_path / "f.json", "state_contamination").checkpoints == file.checkpoints


def test_a_higher_threshold_lets_more_pass():
    file = metrics.compute("state_contamination", recorded(TOLD, SCORES), threshold=0.95)
    values = file.checkpoints[0].values
    assert (values["passed_transcript_none"], values["passed_buffer_none"]) == (1, 0.5)
    assert values["spg_transcript_none"] == 0.5 - 0.125
    assert values["spg_buffer_none"] == 1
    for bad in (0.0, 1.1):
        with pytest.raises(LetheError, match=r"threshold is .*; set it to a number above 0"):
            metrics.compute("state_contamination", recorded(TOLD, SCORES), threshold=bad)


def test_the_oracle_under_the_same_memories():
    own, oracle = recorded(TOLD, SCORES), recorded({}, SCORES)
    values = (
        metrics.compute("state_contamination", own, oracle_records=oracle).checkpoints[0].values
    )
    assert (values["spg_none_oracle"], values["spg_none_beyond_oracle"]) == (0, 0.625)
    with pytest.raises(LetheError, match=r"are not those of the oracle m\.json; ask both in"):
        metrics.compute("state_contamination", own, oracle_records=recorded({}, {}, count=3))


def test_percentiles_are_values_that_occur():
    assert percentile([0.0] * 19 + [1.0], 0.95) == 0
    assert percentile([0.0] * 18 + [0.5, 1.0], 0.95) == 0.5
    assert percentile([0.3], 0.95) == 0.3
