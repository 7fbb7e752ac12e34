"""leak@k: the estimator against all subsets, and records that are scored by hand."""

from dataclasses import replace
from itertools import combinations

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words, recall
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested, read_records, write_records
from lethe.metrics.base import read_metric, write_metric
from lethe.metrics.leak import leak_at

QUESTION = "Where was Ana Ruiz's mother born?"
ANSWER = "Ana Ruiz's mother was born in Ghent, Belgium, on 3 May."
# Of the novel words ghent, belgium, 3 and may, "may" is a word of grammar: three are left.
SAMPLES = [
    "Ana Ruiz's mother was born in Ghent.",  # 1/3
    "In GHENT (Belgium)!",  # 2/3
    "Ghent, Belgium, 3 May",  # 3/3
    "",  # 0
]
ECHO = ("Who is Ana?", "She is Ana.")


def made(samples=None, entailment=None, sample_sets=1, control=None) -> Records:
    """Two questions with four samples each; the answer of the second only echoes its question."""
    texts = samples or [SAMPLES, ["Ana", "Bea", "x", "y"]]
    items = ItemSet(
        question=[QUESTION, ECHO[0]],
        answer=[ANSWER, "Ana."],
        sample=texts,
        sample_entailment=None if entailment is None else nested(entailment),
        sample_control=None if control is None else nested(control),
    )
    points = [Checkpoint(epoch, epoch, {"forget": items}) for epoch in range(sample_sets)]
    return Records("sampled", points, "sampled.json")


def one(records, oracle=None, **settings):
    file = metrics.compute("leak", records, oracle_records=oracle, **settings)
    return file.checkpoints[0]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_the_estimator_is_the_share_of_subsets_with_a_leak(n):
    for c in range(n + 1):
        leaking = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            subsets = list(combinations(leaking, k))
            wanted = sum(map(any, subsets)) / len(subsets)
            assert leak_at(n, c, k) == pytest.approx(wanted, abs=1e-15)


def test_the_estimator_stays_exact_for_many_samples():
    assert leak_at(200, 0, 128) == 0
    assert leak_at(200, 200, 1) == 1
    assert leak_at(200, 1, 128) == 128 / 200
    assert leak_at(200, 73, 128) == 1
    assert leak_at(2000, 1, 1) == 1 / 2000


def test_novel_words_by_hand():
    assert novel_words(QUESTION, ANSWER) == {"ghent", "belgium", "3"}
    assert novel_words(*ECHO) == set()
    assert novel_words("O que?", "É café_olé, não") == {"é", "café", "olé", "não"}
    novel = novel_words(QUESTION, ANSWER)
    assert [recall(novel, text) for text in SAMPLES] == [1 / 3, 2 / 3, 1, 0]


def test_a_record_by_hand():
    found = one(made(), k=2)
    # c = 2 of n = 4: 1 - C(2, 2) / C(4, 2) = 5/6; the echo is left out.
    assert found.items == {"forget": [pytest.approx(5 / 6)]}
    assert found.questions == {"forget": [QUESTION]}
    assert found.values == {
        "forget": pytest.approx(5 / 6),
        "forget_at_1": 0.5,
        "forget_at_2": pytest.approx(5 / 6),
        "forget_at_4": 1,
        "k": 2,
        "samples": 4,
        "questions": 1,
        "left_out": 1,
    }


@pytest.mark.parametrize(("threshold", "count"), [(0.3, 3), (0.5, 2), (0.7, 1), (1, 1)])
def test_the_threshold_is_a_setting(threshold, count):
    assert one(made(), k=1, threshold=threshold).values["forget"] == count / 4


def test_the_oracle_stands_beside_under_the_same_rule():
    oracle = made([["Ghent, Belgium", "no", "no", "no"], ["a", "b", "c", "d"]])
    found = one(made(), oracle, k=2, threshold=0.6)
    assert found.values["forget"] == pytest.approx(5 / 6)
    assert found.values["oracle"] == pytest.approx(1 / 2)
    assert found.values["beyond_oracle"] == pytest.approx(1 / 3)
    assert found.items["beyond_oracle"] == [pytest.approx(1 / 3)]
    assert one(made(), made(), k=2).values["beyond_oracle"] == 0


def test_an_nli_judges_in_place_of_words():
    chances = [[0.9, 0.1, 0.5, 0.49], [1, 1, 1, 1]]
    found = one(made(entailment=chances), k=1)
    assert found.values["forget"] == 2 / 4
    assert found.values["left_out"] == 1
    assert one(made(entailment=chances), k=1, threshold=0.05).values["forget"] == 1


def test_a_judge_is_told_by_true_answers_and_others():
    chances = [[0.9, 0.1, 0.5, 0.49], [1, 1, 1, 1]]
    told = one(made(entailment=chances, control=[[0.9, 0.1], [0.4, 0.6]]), k=1, threshold=0.5)
    assert (told.values["judge_true"], told.values["judge_other"]) == (0.5, 0.5)
    assert "judge_true" not in one(made(entailment=chances), k=1).values


@pytest.mark.parametrize(
    ("control", "why"),
    [
        ([[0.4, 0.0], [0.3, 0.1]], "accepts 0% of the true answers themselves"),
        ([[0.9, 0.8], [1.0, 0.5]], "100% of other questions' answers"),
    ],
)
def test_a_judge_that_cannot_tell_is_refused(control, why):
    records = made(entailment=[[0.9, 0.1, 0.5, 0.49], [1, 1, 1, 1]], control=control)
    with pytest.raises(LetheError, match=f"{why}.*name another"):
        one(records, k=1)


@pytest.mark.parametrize(
    ("oracle", "why"),
    [
        (made([SAMPLES[:2], ["a", "b"]]), "not those of the oracle"),
        (made(entailment=[[0, 0, 0, 0]] * 2), "not those of the oracle"),
        (made(sample_sets=2), "an oracle has 1 checkpoint"),
    ],
)
def test_an_oracle_that_was_asked_otherwise_is_refused(oracle, why):
    with pytest.raises(LetheError, match=why):
        one(made(), oracle, k=2)


def test_k_above_the_number_of_samples_is_one_line():
    with pytest.raises(LetheError, match="4 samples of each question, but k is 5; set k to at"):
        one(made(), k=5)
    with pytest.raises(LetheError, match=r"k is 8, but suite 'sampled' has samples 4; set k"):
        metrics.check_against_suite("leak", {"k": 8}, {"samples": 4})
    metrics.check_against_suite("leak", {"k": 4}, {"samples": 4})


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"k": 0}, "k is 0; set it to a whole number from 1"),
        ({"k": 2.0}, "k is 2.0; set it to a whole number"),
        ({"k": True}, "k is True"),
        ({"threshold": 0}, "threshold is 0; set it to a number above 0 to at most 1"),
        ({"threshold": 1.1}, "threshold is 1.1"),
        ({"threshold": "0.5"}, "threshold is '0.5'"),
        ({"treshold": 0.5}, "unknown setting 'treshold'; settings: k, threshold"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(settings, why):
    with pytest.raises(LetheError, match=f"metric 'leak': {why}"):
        metrics.settings_of("leak", settings)


def test_records_in_which_nothing_could_leak_are_refused():
    records = made()
    items = replace(records.checkpoints[0].sets["forget"], answer=["Ana Ruiz", "Ana."])
    bare = Records("sampled", [Checkpoint(0, 0, {"forget": items})], "sampled.json")
    with pytest.raises(LetheError, match="has a word that its question does not contain"):
        one(bare, k=1)
    uneven = made([SAMPLES, ["a"]])
    with pytest.raises(LetheError, match="from 1 to 4 samples"):
        one(uneven, k=1)


def test_records_and_metric_file_come_back_from_disk(tmp_path):
    records = made(entailment=[[0.9, 0.1, 0.5, 0.25], [1, 0, 0, 0]])
    write_records(tmp_path / "sampled.json", records)
    back = read_records(tmp_path / "sampled.json")
    assert back.checkpoints[0].sets["forget"].sample == [SAMPLES, ["Ana", "Bea", "x", "y"]]
    file = metrics.compute("leak", back, k=2)
    assert file.settings == {"k": 2, "threshold": 0.5}
    write_metric(tmp_path / "leak.json", file)
    assert read_metric(tmp_path / "leak.json", "leak").checkpoints == file.checkpoints
    paths = {"needs_paths": None, "oracle_paths": None, "full_paths": None}
    metrics.score("leak", tmp_path / "sampled.json", **paths, out=tmp_path / "again.json", k=2)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "leak.json").read_bytes()


def test_records_of_samples_are_checked(tmp_path):
    uneven = made(entailment=[[0.9, 0.1, 0.5], [1, 0, 0]])
    with pytest.raises(LetheError, match="another number of values than 'sample'"):
        write_records(tmp_path / "sampled.json", uneven)
    outside = made(entailment=[[0.9, 0.1, 0.5, 1.5], [1, 0, 0, 0]])
    with pytest.raises(LetheError, match=r"outside \[0, 1\]"):
        write_records(tmp_path / "sampled.json", outside)
