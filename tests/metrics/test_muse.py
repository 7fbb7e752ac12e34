"""MUSE's metrics by hand and by the area under a curve, and what is refused."""

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics.base import CheckpointValues, MetricFile


def said(pairs):
    answers, texts = zip(*pairs, strict=True)
    return ItemSet([f"q{n}" for n in range(len(pairs))], list(answers), generation=list(texts))


def only(name, **sets):
    records = Records(metrics.contract(name).suite, [Checkpoint(1, 4, sets)], "records.json")
    [checkpoint] = metrics.compute(name, records).checkpoints
    assert (checkpoint.epoch, checkpoint.step) == (1, 4)
    return checkpoint


# Truth, text, F1: 2 P R / (P + R) with P and R the longest common subsequence over the words.
SAID = [
    ("she was born in Oslo", "she was born in Rome", 0.8),  # 4 of 5, 4 of 5
    ("she was born in Oslo", "Oslo", 1 / 3),  # P 1, R 1/5
    ("running far", "runs far", 0.5),  # no stemming: only "far"
    ("Oslo", "oslo!", 1.0),
    ("Oslo", "", 0.0),
]


def test_verbatim_memory_is_the_mean_f1():
    scored = only("verbmem", forget=said([row[:2] for row in SAID]))
    assert scored.items["forget"] == pytest.approx([row[2] for row in SAID])
    assert scored.values == {"forget": pytest.approx((0.8 + 1 / 3 + 0.5 + 1) / 5)}


def test_knowledge_of_either_set():
    scored = only("knowmem", forget=said([SAID[0][:2]]), retain=said([SAID[3][:2], SAID[4][:2]]))
    assert scored.values == {"forget": pytest.approx(0.8), "retain": 0.5}


def test_knowledge_that_both_sets_have_where_it_is_asked():
    sets = {"forget": said([SAID[4][:2]]), "retain": said([SAID[3][:2]])}
    scored = only("knowmem", **sets, shared=said([SAID[0][:2], SAID[2][:2]]))
    assert scored.values == {"forget": 0.0, "retain": 1.0, "shared": pytest.approx(0.65)}
    assert list(scored.items) == ["forget", "retain", "shared"]


def texts(rows):
    rows = [-np.array(row, dtype=float) for row in rows]
    names = [f"text {n}" for n in range(len(rows))]
    return ItemSet(names, ["x"] * len(rows), token_logprob=nested(rows))


def test_the_least_likely_tokens_by_hand():
    # 40% of 5 tokens are the 2 of the largest loss, of 7 tokens 2.8, so 2, of 3 tokens 1.
    forget = texts([[1, 2, 3, 4, 5], [7, 1, 6, 1, 1, 1, 1]])
    holdout = texts([[0, 9, 0], [5, 0, 0, 0, 6]])
    scored = only("membership_text", forget=forget, holdout=holdout)
    assert scored.items == {"forget": [4.5, 6.5], "holdout": [9.0, 5.5]}
    # Of the four pairs the holdout text surprises less in one: 5.5 < 6.5.
    assert scored.values == {"auc": 0.25, "forget": 5.5, "holdout": 7.25}


def test_the_auc_is_that_of_muse():
    """The area under the ROC curve of label 1 for holdout texts and minus the surprise as score."""
    rng = np.random.default_rng(0)
    sides = {name: [rng.integers(1, 4, size=12) for _ in range(30)] for name in ("f", "h")}
    calculated = only("membership_text", forget=texts(sides["f"]), holdout=texts(sides["h"]))
    by_side = {
        name: [np.sort(row)[::-1][: int(12 * 0.4)].mean() for row in rows]
        for name, rows in sides.items()
    }
    thresholds = sorted({*by_side["f"], *by_side["h"]})
    rates = [(0.0, 0.0)] + [
        tuple(np.mean([value <= limit for value in by_side[name]]) for name in ("f", "h"))
        for limit in thresholds
    ]
    false, true = zip(*rates, strict=True)
    assert len(thresholds) < 12  # many ties
    assert calculated.values["auc"] == pytest.approx(np.trapezoid(true, false))


@pytest.mark.parametrize("percent", [5, 10, 20, 30, 40, 50, 60])
def test_as_many_tokens_as_muse_takes(percent):
    assert all(int(n * (percent / 100)) == n * percent // 100 for n in range(1, 5000))


def test_a_text_without_enough_tokens_is_refused():
    with pytest.raises(LetheError, match="text 0: 40% of its 2 tokens are none; remove the text"):
        only("membership_text", forget=texts([[1, 2]]), holdout=texts([[1, 2, 3]]))


def attack(*aucs):
    points = [CheckpointValues(n, n, {"auc": auc}) for n, auc in enumerate(aucs)]
    return {"membership_text": MetricFile("membership_text", points, path="attack.json")}


def test_privacy_leakage_against_the_oracle():
    scored = metrics.compute("muse_privleak", needs=attack(0.5, 0, 0.75), oracle=attack(0.5))
    assert [point.values["privleak"] for point in scored.checkpoints] == [0, -100, 50]
    # MUSE's own numbers for two models on Books, with its constant for the oracle.
    scored = metrics.compute("muse_privleak", needs=attack(0.4374, 0.0009), oracle=attack(0.5393))
    values = [point.values["privleak"] for point in scored.checkpoints]
    assert values == pytest.approx([-18.89, -99.83], abs=0.01)


def test_no_quotient_by_nothing():
    with pytest.raises(LetheError, match=r"attack\.json: the oracle's AUC is 0, by which MUSE's"):
        metrics.compute("muse_privleak", needs=attack(0.5), oracle=attack(0))
