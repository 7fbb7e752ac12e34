"""KSS and KPS by hand, by the definitions of their areas, and by scikit-learn where it is there."""

import math
from itertools import product
from random import Random

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records
from lethe.metrics._ranking import average_precision, roc_auc, youden

ROLES = {"L0": "given", "L1": "learned", "L2": "holdout"}


def facts(p: list[list[float]], ratios: list[list[float]]) -> ItemSet:
    """Facts with these p and truth ratios by language; the wrong answers of each are alike."""
    n, right = len(p), [[-math.log(x) for x in row] for row in p]
    # R = exp(l_right - l_wrong), with the paraphrase as likely as the answer.
    wrong = [
        [loss - math.log(r) for loss, r in zip(*pair, strict=True) for _ in range(2)]
        for pair in zip(right, ratios, strict=True)
    ]
    return ItemSet(
        question=[f"q{k}" for k in range(n)],
        answer=[f"a{k}" for k in range(n)],
        language=[list(ROLES) for _ in range(n)],
        language_role=[list(ROLES.values()) for _ in range(n)],
        language_loss=np.array(right),
        language_paraphrase_loss=np.array(right),
        language_wrong_loss=np.array(wrong),
    )


RETAIN = facts([[0.9, 0.8, 0.5], [0.7, 0.4, 0.3]], [[0.1] * 3] * 2)
FORGET = facts(
    [[0.1, 0.9, 0.2], [0.2, 0.8, 0.4], [0.6, 0.2, 0.6]],
    [[5.0, 0.1, 2.0], [4.0, 9.0, 0.1], [0.2, 7.0, 6.0]],
)
FULL = facts([[0.9] * 3] * 3, [[0.2] * 3, [0.1] * 3, [0.3] * 3])
BASE = facts([[0.1] * 3] * 3, [[3.0] * 3, [2.0] * 3, [4.0] * 3])


def records(forget: ItemSet, retain: ItemSet = RETAIN) -> Records:
    checkpoint = Checkpoint(0, 0, {"forget": forget, "retain": retain})
    return Records("languages", [checkpoint], "languages.json")


def probability(forget: ItemSet, **settings):
    return metrics.compute("language_probability", records(forget), **settings)


def spread(forget: ItemSet = FORGET, full: ItemSet = FULL, base: ItemSet = BASE, **settings):
    made = {name: probability(some) for name, some in (("own", forget), ("full", full))}
    file = metrics.compute(
        "knowledge_spread",
        records(forget),
        {"language_probability": made["own"]},
        base={"language_probability": probability(base)},
        full={"language_probability": made["full"]},
        **settings,
    )
    return file.checkpoints[0]


def test_probabilities_and_truth_ratios_by_language():
    made = probability(FORGET).checkpoints[0]
    assert made.values["forget_L0"] == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    assert made.values["retain_L2"] == pytest.approx(0.4)
    assert made.items["forget_L1"] == pytest.approx([0.9, 0.8, 0.2])
    assert made.items["forget_L1_ratio"] == pytest.approx([0.1, 9, 7])


def test_truth_ratios_average_logarithms_or_ratios():
    item = facts([[0.5] * 3], [[1.0] * 3])
    item.language_wrong_loss[:] = [[1, 3, 2, 2, 1, 1]]
    item.language_paraphrase_loss[:] = [[2, 2, 2]]
    ratio = "forget_L0_ratio"
    made = probability(item).checkpoints[0].items
    assert made[ratio] == pytest.approx([1.0])  # exp(2 - (1 + 3) / 2)
    assert made["forget_L1_ratio"] == pytest.approx([1.0])
    assert made["forget_L2_ratio"] == pytest.approx([math.e])
    arithmetic = probability(item, variant="arithmetic").checkpoints[0].items
    assert arithmetic[ratio] == pytest.approx([(math.e + 1 / math.e) / 2])


def test_separability_by_hand():
    made = spread()
    # S over L0 and L1: forget (0.9+0.1)/2 = 0.5, 0.5, (0.4+0.8)/2 = 0.6; retain 0.15, 0.45.
    assert made.items["forget"] == pytest.approx([0.5, 0.5, 0.6])
    assert made.items["retain"] == pytest.approx([0.15, 0.45])
    assert made.values["kss_roc"] == made.values["kss_pr"] == 1
    # L2 alone: forget 0.8, 0.6, 0.4; retain 0.5, 0.7: of 6 pairs 2 + 1 + 0 are in order.
    assert made.values["kss_roc_holdout"] == made.values["kss_roc_L2"] == pytest.approx(0.5)
    # In order 0.8 f, 0.7 r, 0.6 f, 0.5 r, 0.4 f: precisions at forget facts 1, 2/3, 3/5.
    assert made.values["kss_pr_holdout"] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert made.values["base_rate"] == pytest.approx(0.6)
    assert made.values["forgetting_L0"] == pytest.approx(0.7)
    assert (made.values["given_L0"], made.values["given_L1"]) == (1, 0)
    assert (made.values["learned_L1"], made.values["learned_L2"]) == (1, 0)


def test_persistence_by_hand():
    values = spread().values
    # Known where log R is below the middle of full's 0.3 and the base's 2.
    # L0: third; L1: first; L2: second.
    assert [values[f"youden_{name}"] for name in ROLES] == [1, 1, 1]
    assert [values[f"unknown_{name}"] for name in ROLES] == [2, 2, 2]
    # Unknown in L0: first and second; the first is known in L1, the second in L2.
    assert (values["ps_L0_L1"], values["ps_L0_L2"]) == (0.5, 0.5)
    # Unknown in L1: second and third; known in L0: the third, in L2: the second.
    assert (values["ps_L1_L0"], values["ps_L1_L2"]) == (0.5, 0.5)
    assert values["kps_L0"] == values["kps"] == 0.5


def test_known_by_probability():
    values = spread(judge="probability").values
    # Known where log p is above the middle of full's 0.9 and the base's 0.1, p = 0.3.
    assert [values[f"unknown_{name}"] for name in ROLES] == [2, 1, 1]
    assert values["ps_L0_L1"] == 1
    assert values["ps_L0_L2"] == 0.5
    assert values["ps_L1_L0"] == values["ps_L1_L2"] == 1
    assert spread(BASE, judge="probability").values["unknown_L0"] == 3


def test_nothing_unknown_is_the_worst_persistence_and_counted():
    values = spread(FULL).values
    assert [values[f"unknown_{name}"] for name in ROLES] == [0, 0, 0]
    assert values["kps"] == values["ps_L1_L0"] == 1


def test_forgotten_everywhere_is_no_persistence():
    values = spread(BASE).values
    assert [values[f"unknown_{name}"] for name in ROLES] == [3, 3, 3]
    assert values["kps"] == 0


def test_other_facts_in_the_reference_are_refused():
    with pytest.raises(LetheError, match="knowledge_spread: full or the base has other facts"):
        spread(full=facts([[0.9] * 3] * 2, [[0.1] * 3] * 2))


def test_the_threshold_that_tells_best():
    assert youden([0.1, 0.2, 0.9], [0.5, 0.8, 1.0]) == (0.35, pytest.approx(2 / 3))
    assert youden([1, 1], [1, 1]) == (1, 0)
    # Two equally good ones: the lowest.
    assert youden([1, 3], [2]) == (1.5, 0.5)


def draws(seed: int):
    """Scores with many ties."""
    rng = Random(seed)
    return ([rng.randint(0, 6) / 6 for _ in range(rng.randint(1, 12))] for _ in range(2))


@pytest.mark.parametrize("seed", range(30))
def test_areas_are_those_of_their_definitions(seed):
    pos, neg = draws(seed)
    pairs = [1.0 if a > b else 0.5 * (a == b) for a, b in product(pos, neg)]
    assert roc_auc(pos, neg) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
    area, recall = 0.0, 0.0
    for threshold in sorted({*pos, *neg}, reverse=True):
        hits = sum(x >= threshold for x in pos)
        alarms = sum(x >= threshold for x in neg)
        area += (hits / len(pos) - recall) * hits / (hits + alarms)
        recall = hits / len(pos)
    assert average_precision(pos, neg) == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_areas_are_scikit_learns(seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    pos, neg = draws(seed)
    labels, scores = [1] * len(pos) + [0] * len(neg), [*pos, *neg]
    assert roc_auc(pos, neg) == pytest.approx(sklearn.roc_auc_score(labels, scores), abs=1e-12)
    expected = sklearn.average_precision_score(labels, scores)
    assert average_precision(pos, neg) == pytest.approx(expected, abs=1e-12)


def test_scores_without_information_give_half_and_the_base_rate():
    assert roc_auc([1] * 3, [1] * 9) == 0.5
    assert average_precision([1] * 3, [1] * 9) == 0.25
