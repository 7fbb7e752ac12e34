"""Memorisation, membership attacks and what combines them: values by hand, and their limits."""

import itertools
import zlib

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics._membership import auc
from lethe.metrics.base import CheckpointValues, MetricFile


def tokens(
    matches=None, logprobs=None, zscores=None, losses=(0.5, 1.0), sets=("forget", "holdout")
):
    """Records of the suite ``tokens``: two items a set, the same in each unless they are named."""
    matches = matches or [[1, 1, 0, 1], [1, 0]]
    logprobs = logprobs or [[-0.1] * len(row) for row in matches]
    made = {
        name: ItemSet(
            question=[f"{name} {i}?" for i in range(len(matches))],
            answer=["a short answer", "answer " * 20],
            answer_loss=np.array(losses) + (name == "holdout"),
            answer_tokens=np.array([len(row) + 1 for row in matches]),
            token_logprob=nested(logprobs),
            token_match=nested(matches),
            token_zscore=nested(zscores or logprobs),
        )
        for name in sets
    }
    return Records("tokens", [Checkpoint(1, 4, made)], "tokens.json")


def one(name, records, **settings):
    return metrics.compute(name, records, **settings).checkpoints[0]


# --- memorisation ---


@pytest.mark.parametrize(
    ("matches", "strict", "open_unlearning"),
    [
        ([1, 1, 1, 1], 1, 1),
        ([0, 1, 1, 1], 3 / 4, 3 / 4),
        ([1, 0, 1, 0], 0, 1 / 4),
        ([0, 0, 0, 0], 0, 1 / 4),
        ([1, 1, 0, 1], 1 / 4, 1 / 4),
        ([1], 1, 1),
        ([0], 0, 1),
    ],
)
def test_extraction_strength(matches, strict, open_unlearning):
    records = tokens([matches, [1, 1]])
    assert one("extraction_strength", records).items["forget"] == [strict, 1]
    theirs = one("extraction_strength", records, last_token="open_unlearning")
    assert theirs.items["forget"] == [open_unlearning, 1]


def test_exact_memorization():
    found = one("exact_memorization", tokens([[1, 1, 0, 1], [1, 0]]))
    assert found.items["forget"] == [0.75, 0.5]
    assert found.values == {"forget": 0.625}


# --- membership ---


def test_auc_counts_pairs():
    generator = np.random.default_rng(0)
    forget, holdout = generator.integers(0, 6, 40), generator.integers(1, 8, 30)
    pairs = list(itertools.product(forget, holdout))
    expected = sum((h > f) + 0.5 * (h == f) for f, h in pairs) / len(pairs)
    assert auc(forget, holdout) == pytest.approx(expected, rel=1e-12)
    assert auc(np.zeros(3), np.zeros(5)) == 0.5
    assert auc(np.zeros(3), np.ones(5)) == 1.0


def test_loss_attack():
    found = one("membership_loss", tokens())
    assert found.items == {"forget": [0.5, 1.0], "holdout": [1.5, 2.0]}
    assert found.values == {"auc": 1.0, "forget": 0.75, "holdout": 1.75}
    assert found.questions["holdout"] == ["holdout 0?", "holdout 1?"]


def test_zlib_attack_divides_by_compressed_bytes():
    found = one("membership_zlib", tokens())
    sizes = [len(zlib.compress(text.encode())) for text in ("a short answer", "answer " * 20)]
    assert found.items["forget"] == pytest.approx([0.5 / sizes[0], 1.0 / sizes[1]])


@pytest.mark.parametrize("name", ["membership_min_k", "membership_min_k_plus_plus"])
def test_min_k_takes_the_lowest_two_fifths(name):
    # 40% of 5 tokens are 2, of 4 tokens 1, of 2 tokens less than one: one.
    rows = [[-1.0, -5.0, -2.0, -4.0, -3.0], [-3.0, -7.0]]
    other = [[-9.0] * 5, [-9.0] * 2]
    given = {"logprobs": rows, "zscores": other}
    if name.endswith("plus_plus"):
        given = {"logprobs": other, "zscores": rows}
    found = one(name, tokens([[1] * 5, [1] * 2], **given))
    assert found.items["forget"] == pytest.approx([4.5, 7.0])


def test_gradient_norm_attack_and_open_unlearnings_mean():
    items = {
        name: ItemSet(
            question=["a?", "b?"],
            answer=["a", "b"],
            answer_tokens=np.array([4, 2]),
            gradient_norm=np.array([3.0, 1.0]) * scale,
        )
        for name, scale in (("forget", 1), ("holdout", 2))
    }
    records = Records("gradients", [Checkpoint(0, 0, items)])
    assert one("membership_gradient_norm", records).items["forget"] == [3.0, 1.0]
    found = one("membership_gradient_norm", records, loss="open_unlearning")
    assert found.items["forget"] == pytest.approx([4.0, 2.0])
    assert found.values["auc"] == 0.875


def loss_file(losses, questions=("a?", "b?")):
    items = {name: list(losses) for name in ("forget", "holdout")}
    texts = {name: list(questions) for name in items}
    return MetricFile("membership_loss", [CheckpointValues(0, 0, {"auc": 0.5}, items, texts)])


def test_reference_attack_subtracts_the_oracle():
    run, oracle = loss_file([1.0, 2.0]), loss_file([3.0, 2.5])

    def reference(oracle):
        needs = {"membership_loss": run}
        return metrics.compute("membership_reference", None, needs, {"membership_loss": oracle})

    found = reference(oracle).checkpoints[0]
    assert found.items["forget"] == [-2.0, -0.5]
    assert found.values["auc"] == 0.5
    with pytest.raises(LetheError, match="1 of its 2 forget questions are not those of the oracle"):
        reference(loss_file([3.0, 2.5], ("a?", "c?")))


def attack_file(name, *aucs):
    return MetricFile(name, [CheckpointValues(i, i, {"auc": a}) for i, a in enumerate(aucs)])


def test_privleak_is_relative_to_the_oracle():
    needs = {"membership_min_k": attack_file("membership_min_k", 1.0, 0.6, 0.2)}
    oracle = {"membership_min_k": attack_file("membership_min_k", 0.6)}
    file = metrics.compute("privleak", None, needs, oracle)
    values = [checkpoint.values for checkpoint in file.checkpoints]
    assert [v["privleak"] for v in values] == pytest.approx([-100, 0, 100], abs=1e-6)
    assert [v["against_chance"] for v in values] == pytest.approx([-100, -20, 60], abs=1e-6)


def test_a_set_that_was_not_recorded_is_named():
    with pytest.raises(LetheError, match=r"tokens\.json: no set 'holdout' \(it has forget\)"):
        metrics.compute("membership_loss", tokens(sets=("forget",)))


def test_a_column_that_was_not_recorded_is_named():
    bare = ItemSet(question=["a?"], answer=["a"])
    records = Records("tokens", [Checkpoint(1, 1, {"forget": bare})])
    with pytest.raises(LetheError, match="set 'forget': no column 'token_match'"):
        metrics.compute("exact_memorization", records)


# --- fluency ---


def said(texts):
    """Records of the suite ``tofu`` with the same generations in each set."""
    answers = ["The author was born in Lagos.", "She wrote novels about the sea."]
    items = ItemSet(question=["Where?", "What?"], answer=answers, generation=texts)
    names = ("forget", "retain", "real_authors", "world_facts")
    return Records("tofu", [Checkpoint(0, 0, dict.fromkeys(names, items))])


def fluency(*texts):
    return one("fluency", said(list(texts))).items["forget"]


def test_a_true_answer_is_fluent_and_no_answer_is_not():
    assert fluency("The author was born in Lagos.", "") == [1.0, 0.0]


def test_a_text_that_runs_in_circles_is_not_fluent():
    # Four words in a circle have four trigrams, whatever the length.
    assert fluency("she wrote about novels " * 25, "she wrote")[0] < 4 / 98 + 1e-9


def test_strings_that_are_no_words_are_not_fluent():
    gibberish, known = fluency("qzx vvkj wq#r zzkq", "the sea novels")
    assert gibberish == 0.0
    assert 0.5 < known < 1
