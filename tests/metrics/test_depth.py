"""The depth score from layers' deltas, by hand, and records that it refuses."""

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import (
    Checkpoint,
    ItemSet,
    Records,
    nested,
    read_records,
    write_records,
)
from lethe.metrics.depth import depth_of

QUESTIONS = ["a?", "b?", "c?", "d?"]
ORACLE = [[0.1, 0.5, 0.04], [0.05, 0.2, 0.3], [0.01, -0.2, 0.05], []]
RUN = [[0.05, 0.7, 5.0], [9.0, 0.05, -0.1], [1.0, 1.0, 1.0], []]


def made(deltas, questions=QUESTIONS, path="run.json") -> Records:
    items = ItemSet(
        question=list(questions),
        answer=["x"] * len(questions),
        entity=["x" if row else "" for row in deltas],
        layer_delta=nested(deltas, float),
    )
    return Records("depth", [Checkpoint(0, 0, {"forget": items})], path)


def one(run, oracle, **settings):
    file = metrics.compute("depth", run, oracle_records=oracle, **settings)
    return file.checkpoints[0]


def test_items_by_hand():
    # Layers 0 and 1 encode the first: r = .5 and 1 (clipped): (.1 * .5 + .5 * 1) / .6.
    depth, shares = depth_of(RUN[0], ORACLE[0], 0.05)
    assert depth == pytest.approx(0.55 / 0.6)
    assert shares == {0: pytest.approx(0.5), 1: 1.0}
    # Layers 1 and 2 encode the second, 0 does not: .05 is not above the threshold.
    depth, shares = depth_of(RUN[1], ORACLE[1], 0.05)
    assert depth == pytest.approx(0.05 / 0.5)
    assert shares == {1: pytest.approx(0.25), 2: 0.0}
    assert depth_of(RUN[2], ORACLE[2], 0.05) is None
    assert depth_of(RUN[2], ORACLE[2], 0.02)[0] == 1.0


def test_a_record_by_hand():
    scored = one(made(RUN), made(ORACLE))
    assert scored.items == {"forget": [pytest.approx(0.55 / 0.6), pytest.approx(0.1)]}
    assert scored.questions == {"forget": ["a?", "b?"]}
    assert scored.values == {
        "depth": pytest.approx((0.55 / 0.6 + 0.1) / 2),
        "erased_0": pytest.approx(0.5),
        "erased_1": pytest.approx((1 + 0.25) / 2),
        "erased_2": 0.0,
        "questions": 2,
        "no_fact": 1,
        "not_encoded": 1,
    }
    assert one(made(RUN), made(ORACLE), threshold=0.02).values["questions"] == 3


def test_the_oracle_has_lost_all_and_full_nothing():
    third = [[1 / 3, 0.7, 0.2], [0.1, 0.3, 1 / 7], [0.07, 0.09, 0.11], []]
    assert one(made(third), made(third)).values["depth"] == 1
    zero = [[0.0] * len(row) for row in third]
    assert one(made(zero), made(third)).values["depth"] == 0


def test_records_come_back_as_they_were(tmp_path):
    write_records(tmp_path / "depth.json", made(RUN))
    back = read_records(tmp_path / "depth.json")
    assert one(back, made(ORACLE)).values == one(made(RUN), made(ORACLE)).values


def test_what_cannot_be_compared_is_one_line():
    with pytest.raises(LetheError, match=r"run.json: its forget questions or their facts are not"):
        one(made(RUN), made(ORACLE, ["z?", "b?", "c?", "d?"]))
    with pytest.raises(LetheError, match=r"the oracle o.json has another number of layers; name"):
        one(made(RUN), made([row[:2] for row in ORACLE], path="o.json"))
    flat = [[0.0] * len(row) for row in ORACLE]
    with pytest.raises(LetheError, match=r"more than 0.05 nats; lower depth.threshold, or leave"):
        one(made(RUN), made(flat))
