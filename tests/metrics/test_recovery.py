"""Whose answer a model gives, by hand."""

import pytest
from helpers.made_records import make_document

from lethe import metrics
from lethe.common.errors import LetheError

TRUTH, WRONG, IDEAL, NONE = range(4)
ANSWER, OTHER, ORACLE = "He was born in Lima", "He was born in Oslo", "She writes about the sea"


def recorded(records, generations, answers=ANSWER, wrong=OTHER, epochs=(0,)):
    """Records in which the model says ``generations`` on both sets."""
    document = make_document(epochs=epochs, n=len(generations))
    for checkpoint in document["checkpoints"]:
        for name in ("forget", "retain"):
            columns = checkpoint["sets"][name]
            columns["generation"] = generations
            columns["answer"] = [answers] * len(generations)
            columns["wrong_answer"] = [wrong] * len(generations)
    return records(document)


def recovery(records, generations, oracle, **others):
    run = recorded(records, generations, **others)
    ideal = recorded(records, oracle, **others)
    [checkpoint] = metrics.compute("recovery", run, oracle_records=ideal).checkpoints
    return checkpoint


def test_choices_and_shares(records):
    said = [ANSWER, OTHER, ORACLE, "Zebra zebra", "He was born in sunny Lima"]
    found = recovery(records, said, [ORACLE] * 5)
    assert found.items["forget"] == [TRUTH, WRONG, IDEAL, NONE, TRUTH]
    assert found.items["retain"] == found.items["forget"]
    shares = {"acc_forget": 0.6, "acc_recover": 0.2, "acc_retain": 0.6}
    assert found.values == pytest.approx(shares)


def test_equals_count_against_the_method(records):
    """Truth and wrong answer are equally like it; the oracle says just the same as the run."""
    [tied] = recovery(records, ["He was born in"], [ORACLE]).items["forget"]
    assert tied == TRUTH
    assert recovery(records, ["He was born in"], [ORACLE]).items["retain"] == [WRONG]
    # An oracle that says the truth cannot be recovered.
    assert recovery(records, [ANSWER], [ANSWER]).values["acc_recover"] == 0


def test_oracle_with_other_questions_is_refused(records):
    run, oracle = recorded(records, [ANSWER] * 2), recorded(records, [ANSWER] * 3)
    with pytest.raises(LetheError, match="forget questions are not those of the oracle"):
        metrics.compute("recovery", run, oracle_records=oracle)


def test_oracle_with_two_checkpoints_is_refused(records):
    run = recorded(records, [ANSWER])
    with pytest.raises(LetheError, match="an oracle has 1 checkpoint, but this has 2"):
        metrics.compute("recovery", run, oracle_records=recorded(records, [ANSWER], epochs=(1, 2)))


def test_records_without_wrong_answers_are_refused(records):
    document = make_document(n=2)
    for columns in document["checkpoints"][0]["sets"].values():
        del columns["wrong_answer"]
    found = records(document)
    with pytest.raises(LetheError, match="no column 'wrong_answer'"):
        metrics.compute("recovery", found, oracle_records=found)
