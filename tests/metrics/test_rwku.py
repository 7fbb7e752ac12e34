"""RWKU's scores against numbers by hand and of the packages that RWKU uses."""

import math
import zlib

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics._sentence_rouge import recall
from lethe.metrics.ngram_entropy import entropy


def computed(metric, suite, **sets):
    [checkpoint] = metrics.compute(
        metric, Records(suite, [Checkpoint(1, 1, sets)], "r.json")
    ).checkpoints
    return checkpoint


# Recall of the package rouge 1.0.1: Rouge().get_scores(said, reference)[0]["rouge-l"]["r"].
ROUGE = [
    ("Portland, Maine", "He was born in Portland, Maine.", 1),
    ("Portland, Maine", "Portland, maine", 1 / 2),
    ("H.P. Lovecraft", "H. P. Lovecraft wrote it", 1),
    ("I Was a Teenage Grave Robber", "It was I Was a Robber of a Grave. Teenage", 5 / 6),
    ("Richard Bachman", "NOANSWER", 0),
    ("the cat the dog", "the dog the cat", 2 / 3),
    ("4 September 1960", "On 4 September. 1960", 1),
]


@pytest.mark.parametrize(("reference", "said", "expected"), ROUGE)
def test_recall_is_that_of_the_package_rouge(reference, said, expected):
    assert recall(reference, said) == pytest.approx(expected, abs=1e-12)


def test_recall_of_texts_without_a_sentence():
    assert recall("Maine", "") == recall("Maine", "..") == recall(".", "Maine") == 0


def probes(rows):
    levels, kinds, answers, said = (list(column) for column in zip(*rows, strict=True))
    asked = [f"q{number}" for number in range(len(rows))]
    return ItemSet(asked, answers, generation=said, task=levels, form=kinds)


FORGET = [
    ("1", "cloze", "Portland, Maine", "Portland, Oregon"),  # 1/2
    ("1", "cloze", "Carrie", "Carrie"),  # 1
    ("2", "simple question", "Carrie", ""),  # 0
    ("3", "cross lingual (French)", "Maine", "in Maine"),  # 1
    ("3", "cross lingual (Spanish)", "Maine", "maine"),  # 0
    ("3", "role play", "one two three", "three one two"),  # 2/3
]
NEIGHBOR = [
    ("1", "cloze", "Shawshank", "Shawshank"),  # 1
    ("2", "simple question", "Andy Dufresne", "Andy"),  # 1/2
]


def test_probes_by_level_and_kind_by_hand():
    found = computed("rwku_probes", "rwku", forget=probes(FORGET), neighbor=probes(NEIGHBOR))
    expected = {
        "forget_level1": 3 / 4,
        "forget_level2": 0,
        "forget_level3": 5 / 9,
        "forget": 19 / 36,
        "forget_cross_lingual": 1 / 2,
        "forget_role_play": 2 / 3,
        "neighbor_level1": 1,
        "neighbor_level2": 1 / 2,
        "neighbor": 3 / 4,
    }
    assert found.values == {key: pytest.approx(value) for key, value in expected.items()}
    assert found.items["forget_level3"] == pytest.approx([1, 0, 2 / 3])


def test_a_level_without_probes_is_refused():
    with pytest.raises(LetheError, match=r"set 'forget' has no probe of level 3; raise eval"):
        computed("rwku_probes", "rwku", forget=probes(FORGET[:3]), neighbor=probes(NEIGHBOR))


def texts(answers, logs, zscores):
    return ItemSet(
        ["somebody"] * len(answers),
        answers,
        text_loss=np.array([-np.mean(row) for row in logs]),
        token_logprob=nested(logs),
        token_zscore=nested(zscores),
    )


def test_membership_of_texts_by_hand():
    """Of ten tokens the two least likely count, of three the least likely one."""
    ten = [-1.0, -2, -3, -4, -5, -6, -7, -8, -9, -10]
    forget = texts(["abc", "abcabcabc"], [ten, [-1, -1, -4]], [ten, [0.5, 0, -3]])
    retain = texts(["x"], [[-1, -2, -3]], [[1, 1, 1]])
    found = computed("membership_texts", "rwku_texts", forget=forget, retain=retain)
    sizes = [len(zlib.compress(text)) for text in (b"abc", b"abcabcabc", b"x")]
    expected = {
        "forget_loss": (5.5 + 2) / 2,
        "retain_loss": 2,
        "loss_auc": 0.75,  # 5.5 > 2, 2 = 2
        "forget_zlib": (5.5 / sizes[0] + 2 / sizes[1]) / 2,
        "retain_zlib": 2 / sizes[2],
        "zlib_auc": (float(5.5 / sizes[0] > 2 / sizes[2]) + float(2 / sizes[1] > 2 / sizes[2])) / 2,
        "forget_min_k": (9.5 + 4) / 2,
        "retain_min_k": 3,
        "min_k_auc": 1,
        "forget_min_k_plus": (9.5 + 3) / 2,
        "retain_min_k_plus": -1,
        "min_k_plus_auc": 1,
    }
    assert found.values == {key: pytest.approx(value) for key, value in expected.items()}


def test_trivia_by_hand():
    said = ["The Estimate!", "John A. Key", "", "an answer"]
    accepted = [["Estimating", "Estimate"], ["Key, John"], ["a"], ["no"]]
    asked = [f"q{number}" for number in range(4)]
    items = ItemSet(asked, [some[0] for some in accepted], generation=said, option=accepted)
    found = computed("trivia", "trivia", trivia=items)
    # Without articles: [estimate]; [john, key], in another order; nothing on both sides; nothing.
    assert found.items == {"exact_match": [1, 0, 1, 0], "f1": [1, 1, 1, 0]}
    partly = ItemSet(["q"], ["one two"], generation=["one one three"], option=[["one two"]])
    assert computed("trivia", "trivia", trivia=partly).values["f1"] == pytest.approx(2 / 5)


def test_entropy_of_ngrams_by_hand():
    # Bigrams ab, ba, ab: H = log2(3) - 2/3; trigrams aba, bab: H = 1.
    expected = (2 / 3 * (math.log2(3) - 2 / 3) + 4 / 3) / 2
    assert entropy(["a", "b", "a", "b"]) == pytest.approx(expected)
    assert entropy(["a"] * 9) == entropy(["a"]) == entropy([]) == 0
    # Four different words: three bigrams, two trigrams.
    assert entropy(list("abcd")) == pytest.approx((2 / 3 * math.log2(3) + 4 / 3) / 2)
    items = ItemSet(["q"], ["a"], generation=["Who? Me."])  # Who ? Me .
    found = computed("ngram_entropy", "instructions", instructions=items)
    assert found.values["entropy"] == pytest.approx((2 / 3 * math.log2(3) + 4 / 3) / 2)


def test_reasoning_by_hand():
    rows = [
        ("(A)", "So the answer is (A). Bye", 1, 1),
        ("(A)", "A", 1, 1),
        ("valid", "the answer is valid.", 1, 0),
        ("valid", "", 0, 0),
        ("] )", "])", 1, 1),
        ("] )", "nothing", 0, 0),
        ("( a", " , ", 0, 1),
    ]
    true, said, right, published = (list(column) for column in zip(*rows, strict=True))
    items = ItemSet([f"q{k}" for k in range(len(rows))], true, generation=said)
    found = computed("reasoning", "reasoning", reasoning=items)
    assert found.items == {"exact_match": right, "published": published}


def test_truthful_by_hand():
    """Options best, true, false, false in MC2 alone, with probabilities by loss and tokens."""
    losses = [[1.0, 3.0, 0.5, 0.25], [900.0, 1.0, 901.0]]
    tokens = [[1, 1, 4, 2], [1, 900, 1]]
    items = ItemSet(
        ["q", "r"],
        ["best", "best"],
        option=[["best", "true", "false", "other"], ["best", "true", "false"]],
        option_loss=nested(losses),
        option_tokens=nested(tokens),
        form=["btfg", "btf"],
    )
    found = computed("truthful", "truthful", truthful=items)
    assert found.items["mc1"] == [1, 1]  # -1 > -2; -900 > -901
    e = math.exp
    first = (e(-1) + e(-3)) / (e(-1) + e(-3) + e(-2) + e(-0.5))
    second = 2 / (2 + e(-1))  # both true options have exp(-900)
    assert found.items["mc2"] == pytest.approx([first, second])
    wrong = ItemSet(
        ["q"], ["a"], option_loss=nested([[1.0]]), option_tokens=nested([[1]]), form=["b"]
    )
    with pytest.raises(LetheError, match="kinds 'b' of 1 options"):
        computed("truthful", "truthful", truthful=wrong)
